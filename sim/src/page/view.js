// Which part of time is looked at, and how: wheel, drag, keys, buttons, and the part after # in the address, by which a view is
// shared: from and to in milliseconds, q what is searched, at what is picked.

const canvas = document.getElementById("canvas");
const overview = document.getElementById("overview");
const view = { from: 0, to: DATA.end, scroll: 0, picked: null, query: "" };
const NARROWEST = 20e3;
let drawing = 0;

function redraw() {
  if (!drawing) drawing = requestAnimationFrame(() => { drawing = 0; draw(); });
}

function look(from, to) {
  const width = Math.min(Math.max(to - from, NARROWEST), DATA.end * 1.02);
  const start = Math.max(-DATA.end * 0.01, Math.min((from + to - width) / 2, DATA.end * 1.01 - width));
  [view.from, view.to] = [start, start + width];
  remember();
  redraw();
}

function zoom(factor, around = (view.from + view.to) / 2) {
  look(around - (around - view.from) * factor, around + (view.to - around) * factor);
}

function pan(part) {
  const by = (view.to - view.from) * part;
  look(view.from + by, view.to + by);
}

// Brings a time into view, keeping the width where it makes sense.
function goTo(at, width = view.to - view.from) {
  look(at - width / 2, at + width / 2);
}

function goToFailure() {
  const [first] = violations;
  if (!first) return;
  const begin = DATA.story.find((step) => step.kind === "client");
  const since = begin ? Math.min(begin.at, first.at - 20 * MS) : first.at - 500 * MS;
  const margin = (first.at - since) * 0.12 + MS;
  look(since - margin, first.at + margin);
}

let remembering = 0;
function remember() {
  clearTimeout(remembering);
  remembering = setTimeout(() => {
    const parts = [`from=${(view.from / MS).toFixed(3)}`, `to=${(view.to / MS).toFixed(3)}`];
    if (view.query) parts.push(`q=${encodeURIComponent(view.query)}`);
    if (view.picked) parts.push(`at=${nameOf(view.picked)}`);
    try { history.replaceState(null, "", `#${parts.join("&")}`); } catch { /* not where the page has no address */ }
  }, 200);
}

// By which name a row is found again.
function nameOf(row) {
  const rows = { request: requests, fact: facts, message: messages, fault: faults, violation: violations }[row.kind];
  return `${row.kind}.${rows.indexOf(row)}`;
}

function recall() {
  const parts = new Map(location.hash.slice(1).split("&").map((part) => part.split("=")));
  const number = (name) => (parts.has(name) ? Number(parts.get(name)) * MS : NaN);
  const [from, to] = [number("from"), number("to")];
  if (Number.isFinite(from) && Number.isFinite(to) && from < to) look(from, to);
  else if (violations.length) goToFailure();
  else look(0, DATA.busy * 1.15);
  if (parts.has("q")) {
    document.getElementById("query").value = decodeURIComponent(parts.get("q"));
    search(false);
  }
  const [kind, place] = (parts.get("at") || "").split(".");
  const rows = { request: requests, fact: facts, message: messages, fault: faults, violation: violations }[kind];
  if (rows && rows[Number(place)]) pick(rows[Number(place)]);
}

function listen() {
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) pan((event.deltaX || event.deltaY) / 1000);
    else zoom(Math.exp(event.deltaY / 400), timeAt(event.offsetX));
  }, { passive: false });
  let held = null;
  canvas.addEventListener("pointerdown", (event) => {
    held = { x: event.offsetX, y: event.offsetY, from: view.from, to: view.to, scroll: view.scroll, moved: false };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!held) return hover(event.offsetX, event.offsetY);
    const by = event.offsetX - held.x, down = event.offsetY - held.y;
    if (Math.abs(by) + Math.abs(down) > 4) held.moved = true;
    if (!held.moved) return undefined;
    view.scroll = held.scroll - down;
    const time = by * (held.to - held.from) / (canvas.clientWidth - LEFT);
    return look(held.from - time, held.to - time);
  });
  canvas.addEventListener("pointerup", (event) => {
    if (held && !held.moved) pick(rowAt(event.offsetX, event.offsetY));
    held = null;
  });
  canvas.addEventListener("pointerleave", () => { held = null; hover(-1, -1); });
  canvas.addEventListener("dblclick", (event) => zoom(0.25, timeAt(event.offsetX)));
  const jump = (event) => { if (event.buttons) goTo((event.offsetX - LEFT) / (overview.clientWidth - LEFT) * DATA.end); };
  overview.addEventListener("pointerdown", jump);
  overview.addEventListener("pointermove", jump);
  const click = (id, act) => document.getElementById(id).addEventListener("click", act);
  click("whole", () => look(0, DATA.end));
  click("failure", goToFailure);
  click("wider", () => zoom(2));
  click("closer", () => zoom(0.5));
  document.addEventListener("keydown", onKey);
  addEventListener("resize", redraw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  addEventListener("hashchange", recall);
}

function onKey(event) {
  if (event.target.tagName === "INPUT" || event.ctrlKey || event.metaKey || event.altKey) return;
  const keys = {
    ArrowLeft: () => pan(-0.15), ArrowRight: () => pan(0.15),
    ArrowUp: () => scrollBy(-60), ArrowDown: () => scrollBy(60),
    "+": () => zoom(0.6), "=": () => zoom(0.6), "-": () => zoom(1 / 0.6), 0: () => look(0, DATA.end),
    v: goToFailure, n: () => step(1), N: () => step(-1), Escape: () => pick(null),
    "/": () => document.getElementById("query").focus(),
  };
  const act = keys[event.key];
  if (!act || (event.target.tagName === "BUTTON" && event.key.startsWith("Arrow"))) return;
  event.preventDefault();
  act();
}

function scrollBy(pixels) {
  view.scroll += pixels;
  redraw();
}
