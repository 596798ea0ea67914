// One picture: axis, faults, lanes, messages, violations, what is picked and found; and what lies under the pointer.

// More messages than this to a column of pixels would be a blot,
const MESSAGES_MAX = 2;
// more than this are lines without heads, and these have words.
const HEADS_MAX = 500, WORDS_MAX = 26;
let layout = null;
let worded = [];
let pointer = null;

function fit(element, context) {
  const ratio = devicePixelRatio || 1, { clientWidth, clientHeight } = element;
  if (element.width !== Math.round(clientWidth * ratio) || element.height !== Math.round(clientHeight * ratio)) {
    [element.width, element.height] = [Math.round(clientWidth * ratio), Math.round(clientHeight * ratio)];
  }
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, clientWidth, clientHeight);
}

function draw() {
  [colors, spots, worded] = [{}, [], []];
  fit(canvas, ctx);
  layout = layOut();
  for (const lane of layout.lanes) {
    if (lane.y + lane.height < layout.top || lane.y > canvas.clientHeight) continue;
    if (lane.kind === "server") drawServer(lane);
    else {
      box(LEFT, lane.y, canvas.clientWidth, lane.height, color("raised"));
      drawRequests(lane, lane.requests, lane.y + 2, lane.height - 4);
    }
    drawName(lane);
  }
  drawLines();
  const shown = drawMessages();
  drawFound();
  drawFaults();
  drawAxis();
  drawOverview();
  drawScroll();
  document.getElementById("hint").textContent = hint(shown);
}

function hint({ inView, drawn }) {
  const [from, to] = DATA.span || [0, 0];
  if (drawn) return `${drawn} messages in view`;
  if (inView) return `${inView} messages in view: zoom in to see them`;
  if (messages.length && (view.to < from || view.from > to)) return `messages were kept from ${told(from)} to ${told(to)}`;
  return "";
}

function drawName(lane) {
  ctx.fillStyle = color("back");
  ctx.fillRect(0, lane.y, LEFT - 2, lane.height);
  const bold = "600 12px system-ui, sans-serif";
  write(lane.name, 8, lane.y + Math.min(13, lane.height - 2), color(lane.kind === "focus" ? "bad" : "text"), LEFT - 14, bold);
  const small = (text, line) => lane.height >= 13 * (line + 1) + 2 && write(text, 8, lane.y + 13 * (line + 1), color("soft"), LEFT - 14);
  if (lane.kind === "focus") {
    small("whom the first", 1);
    small("violation is about", 2);
  } else if (lane.kind === "server") {
    const at = pointer === null ? (violations[0] || { at: (view.from + view.to) / 2 }).at : pointer;
    const led = lane.server.leads.spans.filter((span) => span.from <= at && span.to > at).length;
    const text = `leads ${led}`;
    if (lane.height >= 30) small(text, 1);
    else write(text, 46, lane.y + Math.min(13, lane.height - 2), color("soft"), LEFT - 50);
    const member = DATA.members[lane.id];
    if (member !== undefined) small(`cluster node ${member}`, 2);
  }
}

// Faults and violations run through all lanes.
function drawLines() {
  const line = (at, paint, width, dash) => {
    const x = xAt(at);
    if (x < LEFT || x > canvas.clientWidth) return;
    ctx.strokeStyle = paint;
    ctx.lineWidth = width;
    ctx.setLineDash(dash);
    ctx.beginPath();
    ctx.moveTo(x, AXIS);
    ctx.lineTo(x, canvas.clientHeight);
    ctx.stroke();
    ctx.setLineDash([]);
  };
  ctx.globalAlpha = 0.5;
  for (const fault of faults) line(fault.at, color(fault.family), 1, [2, 4]);
  ctx.globalAlpha = 1;
  violations.slice(1).forEach((violation) => line(violation.at, color("bad"), 0.6, [3, 3]));
  if (violations.length) line(violations[0].at, color("bad"), 1.6, []);
  if (view.picked) line(view.picked.at, color("accent"), 1.2, [4, 2]);
}

function middle(lane) {
  return lane && lane.y + lane.height / 2;
}

function drawMessages() {
  const { byId, top } = layout;
  const seen = [...between(messages, view.from, view.to, longestMessage)];
  if (seen.length === 0) return { inView: 0, drawn: 0 };
  const columns = xAt(seen[seen.length - 1].at) - xAt(seen[0].at) + 50;
  if (seen.length > columns * MESSAGES_MAX) return { inView: seen.length, drawn: 0 };
  ctx.save();
  ctx.beginPath();
  ctx.rect(LEFT, top, canvas.clientWidth - LEFT, canvas.clientHeight - top);
  ctx.clip();
  ctx.globalAlpha = seen.length > HEADS_MAX ? 0.35 : 0.85;
  for (const row of seen) {
    const [y0, y1] = [middle(byId.get(row.from)), middle(byId.get(row.to))];
    if (y0 === undefined || y1 === undefined) continue;
    drawMessage(row, xAt(row.at), y0, xAt(row.end), y1, seen.length);
  }
  ctx.restore();
  return { inView: seen.length, drawn: seen.length };
}

function drawMessage(row, x0, y0, x1, y1, count) {
  const isPicked = row === view.picked;
  const mesh = row.from < SERVERS && row.to < SERVERS;
  const paint = color(row.lost ? "bad" : mesh ? "message" : "answer");
  [ctx.strokeStyle, ctx.fillStyle, ctx.lineWidth] = [paint, paint, isPicked ? 3 : 1.1];
  ctx.setLineDash(row.lost ? [4, 3] : []);
  ctx.beginPath();
  ctx.moveTo(x0, y0);
  ctx.lineTo(x1, y1);
  ctx.stroke();
  ctx.setLineDash([]);
  if (count <= HEADS_MAX) {
    const angle = Math.atan2(y1 - y0, x1 - x0), size = 6;
    ctx.beginPath();
    ctx.moveTo(x1, y1);
    for (const turn of [2.7, -2.7]) ctx.lineTo(x1 + size * Math.cos(angle + turn), y1 + size * Math.sin(angle + turn));
    ctx.fill();
  }
  const [left, right] = [Math.min(x0, x1) - 3, Math.max(x0, x1) + 3];
  spots.push([left, Math.min(y0, y1), right, Math.max(y0, y1), row, [x0, y0, x1, y1]]);
  if (count <= WORDS_MAX) drawWords(row, (x0 + x1) / 2 + 5, (y0 + y1) / 2 + 4, paint);
}

// What a message was, unless words stand there already.
function drawWords(row, x, y, paint) {
  const text = row.head ? row.head.split(/\r?\n/, 1)[0].slice(0, 40) : `${row.bytes} bytes`;
  ctx.font = "10px system-ui, sans-serif";
  const end = x + ctx.measureText(text).width;
  if (worded.some((other) => Math.abs(other.y - y) < 11 && x < other.end && other.x < end)) return;
  worded.push({ x, y, end });
  write(text, x, y, paint, Infinity, ctx.font);
}

// What a search found: a mark below the axis for each hit, and the present one all the way down.
function drawFound() {
  ctx.fillStyle = color("accent");
  let last = -9;
  for (const row of found.rows) {
    const x = Math.round(xAt(row.at));
    if (x < LEFT || x > canvas.clientWidth || x === last) continue;
    last = x;
    ctx.fillRect(x - 1, AXIS - 5, 2, 5);
  }
}

function drawFaults() {
  ctx.fillStyle = color("back");
  ctx.fillRect(0, AXIS, LEFT - 2, layout.top - AXIS);
  write("faults", 8, AXIS + 14, color("text"), LEFT, "600 12px system-ui, sans-serif");
  for (const { fault, x0, x1, row, inside } of layout.faults) {
    const y = AXIS + 3 + row * FAULT_ROW;
    ctx.globalAlpha = 0.85;
    box(x0, y, x1, FAULT_ROW - 3, color(fault.family));
    ctx.globalAlpha = 1;
    const from = inside ? x0 + 4 : x1 + 3;
    write(fault.text, from, y + 10, color(inside ? "back" : "text"), canvas.clientWidth - from - 2, FAULT_FONT);
    spot(x0 - 2, y, x1 + 2, y + FAULT_ROW, fault);
  }
}

function drawAxis() {
  const width = canvas.clientWidth;
  ctx.fillStyle = color("back");
  ctx.fillRect(0, 0, width, AXIS - 5);
  const wanted = (view.to - view.from) / Math.max(1, (width - LEFT) / 110);
  const power = 10 ** Math.floor(Math.log10(wanted));
  const unit = [1, 2, 5, 10].map((times) => times * power).find((size) => size >= wanted);
  for (let at = Math.ceil(view.from / unit) * unit; at <= view.to; at += unit) {
    const x = xAt(at);
    box(x, AXIS - 6, x + 1, 6, color("line"));
    write(told(at, unit * 10), x + 3, 12, color("soft"), width - x - 4);
  }
  for (const violation of violations) {
    const x = xAt(violation.at);
    if (x < LEFT || x > width) continue;
    ctx.fillStyle = color("bad");
    ctx.beginPath();
    ctx.moveTo(x - 5, AXIS - 8);
    ctx.lineTo(x + 5, AXIS - 8);
    ctx.lineTo(x, AXIS);
    ctx.fill();
    spot(x - 5, AXIS - 9, x + 5, AXIS, violation);
  }
}

function drawOverview() {
  const context = overview.getContext("2d");
  fit(overview, context);
  const width = overview.clientWidth, height = overview.clientHeight;
  const place = (time) => LEFT + time / DATA.end * (width - LEFT);
  const mark = (from, to, y, tall, paint) => { context.fillStyle = paint; context.fillRect(place(from), y, Math.max(place(to) - place(from), 1.5), tall); };
  context.font = "600 12px system-ui, sans-serif";
  context.fillStyle = color("text");
  context.fillText("whole run", 8, 20);
  mark(0, DATA.end, 4, height - 8, color("raised"));
  if (DATA.span) mark(DATA.span[0], Math.min(DATA.span[1], DATA.end), height - 7, 3, color("message"));
  for (const fault of faults) mark(fault.at, fault.end ?? fault.at, 6, 8, color(fault.family));
  for (const row of requests) if (!row.fine) mark(row.at, row.at, 16, 8, color("bad"));
  for (const violation of violations) mark(violation.at, violation.at, 4, height - 8, color("bad"));
  context.strokeStyle = color("accent");
  context.lineWidth = 2;
  context.strokeRect(place(Math.max(view.from, 0)), 2, Math.max(3, place(Math.min(view.to, DATA.end)) - place(Math.max(view.from, 0))), height - 4);
}

// Where there are more lanes than room: which part of them is seen.
function drawScroll() {
  if (!view.scrollMax) return;
  const room = canvas.clientHeight - layout.top, whole = room + view.scrollMax;
  ctx.fillStyle = color("soft");
  ctx.globalAlpha = 0.5;
  ctx.fillRect(canvas.clientWidth - 6, layout.top + view.scroll / whole * room, 5, room / whole * room);
  ctx.globalAlpha = 1;
}

// Scrolls until a lane is seen.
function reveal(id) {
  const lane = layout && layout.byId.get(id);
  if (!lane) return;
  if (lane.y < layout.top) view.scroll -= layout.top - lane.y;
  else if (lane.y + lane.height > canvas.clientHeight) view.scroll += lane.y + lane.height - canvas.clientHeight;
}

// The row that lies nearest to a point, what was drawn last first.
function rowAt(x, y) {
  let best = null, least = 6;
  for (let place = spots.length - 1; place >= 0; place -= 1) {
    const [x0, y0, x1, y1, row, line] = spots[place];
    if (x < x0 - 3 || x > x1 + 3 || y < y0 || y > y1) continue;
    let far = x < x0 ? x0 - x : x > x1 ? x - x1 : 0;
    if (line) {
      const [ax, ay, bx, by] = line;
      far = 1 + Math.abs(ax + (bx - ax) * (by === ay ? 0 : (y - ay) / (by - ay)) - x);
    }
    if (far < least) [best, least] = [row, far];
  }
  return best;
}

function hover(x, y) {
  const tip = document.getElementById("tip");
  const before = pointer;
  pointer = x < LEFT ? null : timeAt(x);
  const row = x < 0 ? null : rowAt(x, y);
  const lane = layout && layout.lanes.find((found) => y >= found.y && y < found.y + found.height);
  const lines = [];
  if (row) lines.push(`${told(row.at, view.to - view.from)}  ${summary(row)}`);
  else if (lane && lane.kind === "server" && pointer !== null) {
    const led = lane.server.leads.spans.filter((span) => span.from <= pointer && span.to > pointer);
    const life = lane.server.lives.find((span) => span.from <= pointer && span.to > pointer);
    lines.push(`${told(pointer, view.to - view.from)}  ${lane.name} ${life ? LIFE[life.what][1] || "running" : ""}`);
    if (led.length) lines.push(`leads ${led.map((span) => `g${span.group} (term ${span.term})`).join(", ")}`);
  }
  tip.hidden = lines.length === 0;
  if (!tip.hidden) {
    tip.textContent = lines.join("\n");
    const left = Math.min(x + 14, canvas.clientWidth - tip.offsetWidth - 6);
    const top = Math.min(y + overview.clientHeight + 16, canvas.clientHeight + overview.clientHeight - tip.offsetHeight - 6);
    [tip.style.left, tip.style.top] = [`${Math.max(0, left)}px`, `${Math.max(0, top)}px`];
  }
  if (before !== pointer) redraw();
}
