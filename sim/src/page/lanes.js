// What stands on the lanes: lives, groups led, requests, events. Each drawing notes where it put what, for the pointer.

const LEFT = 118, AXIS = 22, FAULT_ROW = 16, FAULT_ROWS_MAX = 8, GAP = 3;
const FAULT_FONT = "10.5px system-ui, sans-serif";
// So many requests or events in view of a lane are drawn one by one, fewer where it is low; more are drawn as columns,
const SINGLE_MAX = 260;
// and so many events have words.
const WORDED_MAX = 70;
const ctx = canvas.getContext("2d");
let colors = {};
let spots = [];

function color(name) {
  return colors[name] || (colors[name] = getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim());
}

function xAt(time) {
  return LEFT + (time - view.from) / (view.to - view.from) * (canvas.clientWidth - LEFT);
}

function timeAt(x) {
  return view.from + (x - LEFT) / (canvas.clientWidth - LEFT) * (view.to - view.from);
}

function box(x0, y, x1, height, paint) {
  const from = Math.max(x0, LEFT - 2), to = Math.min(x1, canvas.clientWidth + 2);
  if (to < from) return;
  ctx.fillStyle = paint;
  ctx.fillRect(from, y, Math.max(to - from, 1), height);
}

function spot(x0, y0, x1, y1, row) {
  spots.push([x0, y0, x1, y1, row]);
}

function write(text, x, y, paint, room = Infinity, font = "11px system-ui, sans-serif") {
  ctx.font = font;
  let shown = text;
  if (ctx.measureText(shown).width > room) {
    const letter = ctx.measureText("n").width;
    shown = `${text.slice(0, Math.max(0, Math.floor(room / letter) - 1))}…`;
    if (shown.length < 3) return 0;
  }
  ctx.fillStyle = paint;
  ctx.fillText(shown, x, y);
  return ctx.measureText(shown).width;
}

// The faults in view, in as few rows as keep each with its words apart from the others.
function layFaults() {
  const ends = [], seen = [];
  ctx.font = FAULT_FONT;
  for (const fault of faults) {
    const [x0, x1] = [Math.max(xAt(fault.at), LEFT), Math.max(xAt(fault.end ?? fault.at), xAt(fault.at) + 3)];
    if (x1 < LEFT || x0 > canvas.clientWidth) continue;
    const words = ctx.measureText(fault.text).width + 8;
    const inside = Math.min(x1, canvas.clientWidth) - x0 > words;
    let row = ends.findIndex((last) => last < x0);
    if (row < 0) row = ends.length < FAULT_ROWS_MAX ? ends.push(0) - 1 : FAULT_ROWS_MAX - 1;
    ends[row] = inside ? x1 + 1 : x1 + words;
    seen.push({ fault, x0, x1, row, inside });
  }
  return { seen, rows: Math.max(1, ends.length) };
}

// Where each lane is: the client of the violation, the hosts of clients, the servers.
function layOut() {
  const lanes = [];
  const height = canvas.clientHeight;
  const laid = layFaults();
  let y = AXIS + laid.rows * FAULT_ROW + 6;
  const fixed = y;
  const put = (kind, id, size, what) => { lanes.push({ kind, id, y, height: size, ...what }); y += size + GAP; };
  if (focus !== null) put("focus", -2, 74, { name: `client ${focus}`, requests: focused });
  const small = hosts.length > 2 ? 20 : 34;
  for (const host of hosts) put("host", host.id, small, { name: laneName(host.id), requests: host.requests });
  const room = (height - y - 4) / Math.max(1, SERVERS) - GAP;
  const size = Math.max(15, Math.min(190, Math.floor(room)));
  for (const server of servers) put("server", server.id, size, { name: laneName(server.id), server });
  view.scrollMax = Math.max(0, y - height);
  view.scroll = Math.max(0, Math.min(view.scroll, view.scrollMax));
  for (const lane of lanes) lane.y -= view.scroll;
  return { lanes, faults: laid.seen, top: fixed, byId: new Map(lanes.map((lane) => [lane.id, lane])) };
}

const LIFE = {
  boot: ["boot", "starting"], run: ["lane", ""], pause: ["pause", "paused"], dark: ["dark", "no power"],
  dead: ["dead", "dead"], drained: ["raised", "drained"],
};

function drawServer(lane) {
  const { server, y, height } = lane;
  for (const span of server.lives) {
    const [x0, x1] = [xAt(span.from), xAt(span.to)];
    if (x1 < LEFT || x0 > canvas.clientWidth) continue;
    const [paint, text] = LIFE[span.what];
    box(x0, y, x1, height, color(paint));
    const from = Math.max(x0, LEFT) + 5;
    const words = span.what === "dark" ? "#ffffff" : color("text");
    if (text && x1 - from > 34 && height >= 14) write(text, from, y + height / 2 + 4, words, x1 - from - 4);
  }
  drawCuts(lane);
  drawLeads(server.leads, lane);
  drawRequests(lane, server.served, y + 4, Math.min(height * 0.42, 48));
  drawEvents(lane, server);
}

// The sides of a cut, as a line on top of the lanes: a plain one and a dashed one.
function drawCuts({ id, y }) {
  for (const fault of faults) {
    const side = fault.nodes.includes(id) ? 0 : fault.others.includes(id) ? 1 : -1;
    if (side < 0 || fault.others.length === 0) continue;
    const [x0, x1] = [Math.max(xAt(fault.at), LEFT), Math.min(xAt(fault.end ?? fault.at) + 1, canvas.clientWidth)];
    if (x1 < LEFT || x0 > canvas.clientWidth) continue;
    ctx.strokeStyle = color("net");
    ctx.lineWidth = 3;
    ctx.setLineDash(side ? [6, 5] : []);
    ctx.beginPath();
    ctx.moveTo(x0, y + 1.5);
    ctx.lineTo(x1, y + 1.5);
    ctx.stroke();
    ctx.setLineDash([]);
  }
}

// Few lead many at first, and then each a few: what is four times a fair share fills the curve.
const groupsLed = new Set(DATA.leads.map(([, , group]) => group)).size;
const mostLed = Math.min(Math.max(4, 4 * groupsLed / Math.max(1, SERVERS)), Math.max(1, ...servers.map((server) => server.leads.most)));

// How many groups it leads, as a curve that rises from the foot of the lane.
function drawLeads(leads, { y, height }) {
  const foot = y + height, unit = Math.min(height * 0.45, 60) / mostLed;
  const { steps } = leads;
  ctx.fillStyle = color("lead");
  ctx.globalAlpha = 0.55;
  for (let place = 0; place < steps.length; place += 1) {
    const [at, count] = steps[place];
    const x0 = Math.max(xAt(at), LEFT), x1 = Math.min(xAt(place + 1 < steps.length ? steps[place + 1][0] : DATA.end), canvas.clientWidth);
    const tall = Math.min(count, mostLed) * unit;
    if (count && x1 > LEFT && x0 < canvas.clientWidth) ctx.fillRect(x0, foot - tall, Math.max(x1 - x0, 0.5), tall);
  }
  ctx.globalAlpha = 1;
}

function singleMax(lane) {
  return Math.min(SINGLE_MAX, lane.height * 5);
}

function drawRequests(lane, rows, y, height) {
  // Those that were under way all the time say little, but of the one client.
  const says = (row) => lane.kind === "focus" || row.at >= view.from || (row.end >= 0 && row.end <= view.to);
  const seen = [...between(rows, view.from, view.to, longestRequest)].filter(says);
  if (seen.length > singleMax(lane)) return drawColumns(seen, y, height);
  const ends = [];
  const tall = lane.kind === "focus" ? 17 : Math.max(3, Math.min(8, height / 3));
  const rowsMax = Math.max(1, Math.floor(height / tall));
  for (const row of seen) {
    const [x0, x1] = [xAt(row.at), Math.max(xAt(row.end < 0 ? DATA.end : row.end), xAt(row.at) + 2)];
    let place = ends.findIndex((end) => end < x0);
    if (place < 0) place = ends.length < rowsMax ? ends.length : rowsMax - 1;
    ends[place] = x1 + 1;
    const top = y + place * tall;
    ctx.globalAlpha = row.fine ? 0.75 : 1;
    box(x0, top, x1, tall - 1, color(row.fine ? "ok" : "bad"));
    ctx.globalAlpha = 1;
    spot(x0, top, x1, top + tall, row);
    const from = Math.max(x0, LEFT) + 4;
    if (tall >= 12 && x1 - from > 40) write(`${row.errand} → ${row.outcome}`, from, top + 12, color("back"), x1 - from - 4);
  }
  return undefined;
}

// Too many to tell apart: how many there are in each column of pixels, and where one failed.
function drawColumns(rows, y, height) {
  const width = canvas.clientWidth - LEFT, columns = new Float64Array(width + 1);
  const bad = new Map();
  for (const row of rows) {
    const column = Math.floor(xAt(row.at) - LEFT);
    if (column < 0 || column > width) continue;
    columns[column] += 1;
    if (!row.fine) bad.set(column, row);
  }
  const most = columns.reduce((a, b) => Math.max(a, b), 1);
  ctx.fillStyle = color("ok");
  columns.forEach((count, column) => {
    const size = Math.max(2, count / most * height);
    if (count) ctx.fillRect(LEFT + column, y + height - size, 1, size);
  });
  for (const [column, row] of bad) {
    box(LEFT + column, y, LEFT + column + 2, height, color("bad"));
    spot(LEFT + column - 2, y, LEFT + column + 4, y + height, row);
  }
}

const isTelling = (row) => row.telling;

// Events of a server, once there are few in view: ticks at the foot, with words where there is room.
function drawEvents(lane, server) {
  const { y, height } = lane;
  for (const { at, opens } of between(server.sessions, view.from, view.to)) {
    const x = xAt(at);
    ctx.fillStyle = color("session");
    ctx.beginPath();
    ctx.moveTo(x - 3, y + (opens ? 5 : 0));
    ctx.lineTo(x + 3, y + (opens ? 5 : 0));
    ctx.lineTo(x, y + (opens ? 0 : 5));
    ctx.fill();
    spot(x - 3, y, x + 3, y + 5, { kind: "fact", at, lane: server.id, client: -1, text: `n${server.id}: a session ${opens ? "opens" : "ends"}` });
  }
  const seen = [...between(server.facts, view.from, view.to)];
  if (seen.length > singleMax(lane)) return;
  let free = LEFT;
  seen.forEach((row, place) => {
    const x = xAt(row.at), telling = isTelling(row);
    const tall = Math.min(height * 0.3, telling ? 9 : 5);
    box(x - 0.5, y + height - tall, x + 1, tall, color(telling ? "accent" : "soft"));
    spot(x - 3, y + height - 10, x + 3, y + height, row);
    if (height < 34 || x < free || !telling || seen.length > WORDED_MAX) return;
    const after = seen.slice(place + 1).find(isTelling);
    const room = Math.min((after ? xAt(after.at) : canvas.clientWidth) - x - 4, 240);
    if (room > 50) free = x + 8 + write(row.text.replace(/^n\d+: /, ""), x + 3, y + height - 10, color("text"), room, "10px system-ui, sans-serif");
  });
}
