// What the run was: the rows of the data with names, sorted and ready to be looked up by time.

const DATA = JSON.parse(document.getElementById("data").textContent);
const SERVERS = DATA.servers;
const MS = 1e6;

const requests = DATA.requests.map(
  ([sent, ended, number, client, session, call, errand, outcome, server, lane]) => ({
    kind: "request", at: sent, end: ended, number, client, session, call, lane, server,
    errand: DATA.errands[errand],
    outcome: outcome < 0 ? "never ended" : DATA.outcomes[outcome][0],
    fine: outcome >= 0 && DATA.outcomes[outcome][1],
  }));
// What of a node's events is worth words.
const TELLING = /acknowledges|took entry|leads|life|handler|map /;
const facts = DATA.facts.map(([at, lane, client, text]) => (
  { kind: "fact", at, lane, client, text, telling: TELLING.test(text) }));
const messages = DATA.messages.map(([at, end, from, to, connection, bytes, lost, head]) => (
  { kind: "message", at, end, from, to, connection, bytes, lost, head }));
const faults = DATA.faults.map((fault) => ({ kind: "fault", ...fault }));
const violations = DATA.violations.map((violation) => ({ kind: "violation", ...violation }));
const byTime = (a, b) => a.at - b.at;
[requests, facts, messages, faults].forEach((rows) => rows.sort(byTime));
// A message is looked for by when it was sent, and none travels longer than this unless it was lost and sent again.
const longestMessage = messages.reduce((most, row) => Math.max(most, row.end - row.at), 0);
const longestRequest = requests.reduce((most, row) => Math.max(most, row.end - row.at), 0);

// The place of the first row at or after a time.
function firstAt(rows, time) {
  let low = 0, high = rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rows[middle].at < time) low = middle + 1; else high = middle;
  }
  return low;
}

// Rows of between two times, of which some may have begun so much earlier.
function* between(rows, from, to, earlier = 0) {
  for (let place = firstAt(rows, from - earlier); place < rows.length && rows[place].at <= to; place += 1) {
    const row = rows[place];
    if ((row.end === undefined || row.end === null ? row.at : Math.max(row.end, row.at)) >= from || row.end === -1) yield row;
  }
}

// The life of each server, as spans: booting, running, paused, dead, dark, drained.
function livesOf(server) {
  const spans = [];
  let now = "boot", since = 0;
  const become = { started: "boot", serves: "run", stopped: "dead", dark: "dark", paused: "pause", resumed: "run", drained: "drained" };
  for (const [at, node, what] of DATA.lives) {
    if (node !== server) continue;
    if (at > since) spans.push({ from: since, to: at, what: now });
    [now, since] = [become[what], at];
  }
  spans.push({ from: since, to: DATA.end, what: now });
  return spans;
}

// Which groups a server led, as spans, and how many at each moment, as steps. A death ends what it led.
function leadsOf(server) {
  const spans = [], open = new Map(), steps = [[0, 0]];
  const close = (group, at) => {
    const span = open.get(group);
    if (!span) return;
    open.delete(group);
    span.to = at;
    steps.push([at, open.size]);
  };
  const deaths = DATA.lives.filter(([, node, what]) => node === server && (what === "dark" || what === "stopped"));
  const changes = DATA.leads.filter(([, node]) => node === server);
  const all = [...deaths.map((life) => ({ at: life[0], dies: true })),
    ...changes.map(([at, , group, term, begins]) => ({ at, group, term, begins }))].sort(byTime);
  for (const { at, dies, group, term, begins } of all) {
    if (dies) [...open.keys()].forEach((led) => close(led, at));
    else if (!begins) close(group, at);
    else {
      const span = { group, term, from: at, to: DATA.end };
      open.set(group, span);
      spans.push(span);
      steps.push([at, open.size]);
    }
  }
  return { spans, steps, most: Math.max(1, ...steps.map(([, count]) => count)) };
}

const servers = Array.from({ length: SERVERS }, (_, id) => ({
  id, lives: livesOf(id), leads: leadsOf(id), served: requests.filter((row) => row.server === id),
  sessions: DATA.sessions.filter(([, node]) => node === id).map(([at, , opens]) => ({ at, opens })),
  facts: facts.filter((row) => row.lane === id),
}));
const hosts = Array.from({ length: DATA.hosts }, (_, number) => {
  const id = SERVERS + 1 + number;
  return { id, number, requests: requests.filter((row) => row.lane === id) };
});
const focus = violations.length && violations[0].client !== null ? violations[0].client : null;
const focused = focus === null ? [] : requests.filter((row) => row.client === focus);

// What a lane is called: the number that faults and events use.
function laneName(lane) {
  if (lane < 0) return "";
  if (lane < SERVERS) return `n${lane}`;
  return lane === SERVERS ? "clock" : `clients ${lane - SERVERS - 1}`;
}

// A time with as many digits as make a difference in a view so wide.
function told(at, width = 1e9) {
  const digits = width < 2e5 ? 6 : width < 2e7 ? 4 : width < 2e9 ? 3 : width < 2e10 ? 2 : 1;
  return `${(at / 1e9).toFixed(digits)} s`;
}

function lasted(nanos) {
  return nanos < 1e6 ? `${(nanos / 1e3).toFixed(1)} µs` : nanos < 1e9 ? `${(nanos / MS).toFixed(2)} ms` : `${(nanos / 1e9).toFixed(2)} s`;
}

// Everything about a row in a line.
function summary(row) {
  switch (row.kind) {
    case "request": {
      const where = row.server >= 0 ? ` at n${row.server}` : "";
      const took = row.end >= 0 ? ` after ${lasted(row.end - row.at)}` : "";
      return `r${row.number} of client ${row.client}: ${row.errand} → ${row.outcome}${where}${took}`;
    }
    case "message":
      return `${laneName(row.from)} → ${laneName(row.to)}, ${row.bytes} bytes${row.lost ? ", LOST" : ""}`;
    case "fault": return row.text;
    case "violation": return `VIOLATION of ${row.check}: ${row.what}`;
    default: return row.text;
  }
}
