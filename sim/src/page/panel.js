// Beside the timeline: what led to the failure, the violations, the faults, everything about what is picked; and the search.

const found = { rows: [], place: -1 };
let tab = "story";

function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function place(id, text) {
  document.getElementById(id).textContent = text;
}

function fillHead() {
  const { head } = DATA;
  document.title = `${head.scenario} seed ${head.seed}: ${head.end}`;
  place("name", `${head.scenario} seed ${head.seed}`);
  place("end", head.end);
  document.getElementById("end").className = head.passed ? "passed" : "";
  const outcomes = Object.entries(head.outcomes).map(([name, count]) => `${count} ${name}`).join(", ");
  const counted = (count, name) => `${count} ${name}${count === 1 ? "" : "s"}`;
  const about = [counted(SERVERS, "node"), `${told(DATA.end, 1e11)} of virtual time`,
    `${counted(head.requests, "request")}: ${outcomes}`, counted(faults.length, "fault"), counted(head.violations, "violation")];
  document.getElementById("failure").hidden = violations.length === 0;
  if (head.flaw) about.push(`planted bug: ${head.flaw}`);
  if (head.commit) about.push(`commit ${head.commit}`);
  place("facts", about.join("  ·  "));
  const what = document.getElementById("what");
  if (head.check) what.append(element("b", `${head.check}, broken at ${told(violations[0].at)}: `));
  what.append(head.what);
  place("command", head.replay);
  document.getElementById("copy").addEventListener("click", async (event) => {
    try {
      await navigator.clipboard.writeText(head.replay);
      event.target.textContent = "copied";
    } catch {
      getSelection().selectAllChildren(document.getElementById("command"));
    }
  });
  const legend = document.getElementById("legend");
  for (const [name, paint] of [["request", "ok"], ["failed", "bad"], ["groups led", "lead"], ["session", "session"],
    ["client message", "answer"], ["node message", "message"]]) {
    const swatch = element("i");
    swatch.style.background = `var(--${paint})`;
    const entry = element("span");
    entry.append(swatch, name);
    legend.append(entry);
  }
}

// A line of the panel that leads to a time in the timeline.
function line(row, text, className, fine = false) {
  const made = element("button", undefined, `row ${className || ""}`);
  made.type = "button";
  made.append(element("time", told(row.at, fine ? 1e5 : 1e7)), element("span", text));
  made.addEventListener("click", () => {
    made.parentElement.querySelectorAll(".here").forEach((other) => other.classList.remove("here"));
    made.classList.add("here");
    if (row.kind === "step") view.picked = { kind: "fact", at: row.at, lane: row.lane ?? -1, client: -1, text };
    else view.picked = row;
    reveal(laneOf(row));
    if (row.at < view.from || row.at > view.to) goTo(row.at); else redraw();
    remember();
  });
  return made;
}

function show(name) {
  tab = name;
  for (const other of ["story", "violations", "faults", "detail"]) {
    document.getElementById(`tab-${other}`).classList.toggle("on", other === name);
  }
  const rows = {
    story: () => DATA.story.map((step) => line({ ...step, kind: "step" }, step.text, step.kind)),
    violations: () => violations.map((row) => line(row, `${row.check}: ${row.what}`, "violation")),
    faults: () => faults.map((row) => line(row, faultText(row), "fault")),
    detail: () => [detail(view.picked)],
  }[name]();
  const none = { story: "Everything held: nothing led to a failure.", violations: "There is none.", faults: "Nothing was made to go wrong." };
  if (rows.length === 0) rows.push(element("p", none[name], "note"));
  document.getElementById("panel").replaceChildren(...rows);
}

function faultText(row) {
  const until = row.end === null ? "" : `, until ${told(row.end, 1e9)}`;
  return `${row.text}${until} (touched ${row.touched})`;
}

function detail(row) {
  const made = element("div");
  if (!row) {
    made.append(element("p", "Click on anything in the timeline.", "note"));
    return made;
  }
  made.append(element("h2", row.kind === "fault" ? faultText(row) : summary(row)));
  const list = element("dl");
  const add = (name, value) => { if (value !== "" && value !== undefined) list.append(element("dt", name), element("dd", String(value))); };
  add(row.kind === "message" || row.kind === "request" ? "sent" : "at", told(row.at, 1e5));
  if (row.kind === "message") {
    add(row.lost ? "lost at" : "received", told(row.end, 1e5));
    add("on its way", lasted(row.end - row.at));
    add("connection", row.connection);
  } else if (row.end > 0) {
    add("ended", told(row.end, 1e5));
  }
  if (row.kind === "request") {
    add("client", row.client);
    add("session", row.session);
    add("call", `~${row.client}.${row.session}.${row.call}~`);
    add("host", laneName(row.lane));
  } else if (row.lane >= 0) {
    add("lane", laneName(row.lane));
  }
  made.append(list);
  if (row.head) made.append(element("pre", row.head));
  made.append(element("h2", "What else happened then"));
  const near = [requests, facts, messages, faults].flatMap((rows) => [...between(rows, row.at - MS, row.at + MS)]);
  const others = near.filter((other) => other !== row && Math.abs(other.at - row.at) <= MS).sort(byTime);
  const from = Math.max(0, others.findIndex((other) => other.at >= row.at) - 30);
  made.append(...others.slice(from, from + 60).map((other) => line(other, summary(other), other.kind, true)));
  return made;
}

// On which lane a row is looked for: a request at its server, a fault at what it struck.
function laneOf(row) {
  if (row.kind === "request") return row.server;
  if (row.kind === "message") return row.to;
  return row.kind === "fault" ? row.nodes[0] : row.lane;
}

function pick(row) {
  view.picked = row;
  if (row) reveal(laneOf(row));
  if (row && (row.at > view.to || (row.end ?? row.at) < view.from)) goTo(row.at);
  show("detail");
  remember();
  redraw();
}

// All rows that have all words of the query in them.
function search(moves = true) {
  const query = document.getElementById("query").value.trim().toLowerCase();
  view.query = query;
  // A number at the end of a word must end there: n1 is not n12.
  const tests = query.split(/\s+/).filter(Boolean).map((word) => {
    const plain = word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    return new RegExp(`${/^\w/.test(word) ? "(?<![a-z0-9])" : ""}${plain}${/\d$/.test(word) ? "(?!\\d)" : ""}`);
  });
  const fits = (row) => { const text = summary(row).toLowerCase(); return tests.every((test) => test.test(text)); };
  const leads = servers.flatMap((server) => server.leads.spans.map((span) => (
    { kind: "fact", at: span.from, lane: server.id, client: -1, text: `n${server.id}: leads g${span.group} in term ${span.term}` })));
  const isKnown = new Set(facts.map((row) => `${row.at} ${row.text}`));
  const all = [requests, facts, messages, faults, violations, leads.filter((row) => !isKnown.has(`${row.at} ${row.text}`))];
  found.rows = tests.length ? all.flatMap((rows) => rows.filter(fits)).sort(byTime) : [];
  found.place = -1;
  if (moves && found.rows.length) step(1);
  tellHits();
  remember();
  redraw();
}

function tellHits() {
  const hits = document.getElementById("hits");
  const count = found.rows.length;
  hits.textContent = !view.query ? "" : count === 0 ? "no hits" : found.place < 0 ? `${count} hits` : `${found.place + 1} of ${count}`;
  hits.className = view.query && count === 0 ? "none" : "";
}

// Goes to the next hit, the first time to the first one in view.
function step(by) {
  const count = found.rows.length;
  if (count === 0) return;
  if (found.place < 0) {
    const inView = firstAt(found.rows, view.from);
    found.place = by > 0 ? inView % count : (inView - 1 + count) % count;
  } else {
    found.place = (found.place + by + count) % count;
  }
  pick(found.rows[found.place]);
  tellHits();
}

fillHead();
for (const name of ["story", "violations", "faults", "detail"]) {
  document.getElementById(`tab-${name}`).addEventListener("click", () => show(name));
}
document.getElementById("query").addEventListener("input", () => search(false));
document.getElementById("query").addEventListener("keydown", (event) => {
  if (event.key === "Enter") step(event.shiftKey ? -1 : 1);
  if (event.key === "Escape") event.target.blur();
});
document.getElementById("next").addEventListener("click", () => step(1));
document.getElementById("previous").addEventListener("click", () => step(-1));
listen();
show(violations.length ? "story" : "faults");
recall();
