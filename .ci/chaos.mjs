// Kills nodes of a cluster, again and again, under clients that count what comes of everything they ask.
//
//   .ci/cluster --everything -- node .ci/chaos.mjs [--rounds N] [--clients N] [--stop]
//
// Clients hold sessions of 2025-11-25 and take another node after every failure. Each makes plain calls, calls that stream
// their progress (and are resumed by Last-Event-ID at another node when a connection breaks), and tasks. Every round kills
// one node with SIGKILL (with --stop: SIGSTOP for eight seconds, a silent loss) and starts it again.
//
// Ends with 1 where anything that was acknowledged is lost: an event missing or twice, an answer twice, a task gone. Prints
// every outcome, counted, and how long clients waited for an answer while nodes were lost.
import { spawn } from "node:child_process";
import { readFileSync, openSync } from "node:fs";
import http from "node:http";

const option = (name, fallback) => {
  const at = process.argv.indexOf(name);
  return at < 0 ? fallback : Number(process.argv[at + 1]);
};
const rounds = option("--rounds", 6);
const clients = option("--clients", 20);
const stops = process.argv.includes("--stop");
// How long a client waits for a plain answer before it asks elsewhere. Of a node that is silent nobody else can tell it.
const patience = stops ? 2000 : 15000;
const urls = process.env.CLUSTER_URLS.split(" ").map((url) => new URL(url));
const admins = process.env.CLUSTER_ADMINS.split(" ");
const pids = process.env.CLUSTER_PIDS.split(" ").map(Number);
const commands = pids.map((pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(0, -1));

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const now = () => performance.now();
const outcomes = {};
const count = (what) => (outcomes[what] = (outcomes[what] ?? 0) + 1);
const broken = [];
/** The longest wait of each client in each round. */
const waits = [];
let running = true;
let round = -1;

/** One HTTP request on a connection of its own. Gives the head, and the body as events or text. */
function request(url, method, headers, body, onEvent, timeout = 15000) {
  return new Promise((done) => {
    const began = now();
    const finish = (result) => done({ ...result, ms: now() - began });
    const asked = http.request(url, { method, headers, agent: false, timeout }, (response) => {
      const stream = (response.headers["content-type"] ?? "").startsWith("text/event-stream");
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk) => {
        text += chunk;
        if (!stream) return;
        for (let end; (end = text.indexOf("\n\n")) >= 0; text = text.slice(end + 2)) {
          const event = {};
          for (const line of text.slice(0, end).split("\n")) {
            const [key, value] = line.split(/: ?(.*)/s);
            if (key) event[key] = value ?? "";
          }
          if (onEvent?.(event)) asked.destroy();
        }
      });
      response.on("end", () => finish({ status: response.statusCode, headers: response.headers, text, stream }));
      response.on("error", () => finish({ status: response.statusCode, headers: response.headers, cut: true, stream }));
    });
    asked.on("timeout", () => asked.destroy(new Error("timed out")));
    asked.on("error", (error) => finish({ error: error.code ?? error.message }));
    asked.end(body);
  });
}

class Client {
  constructor(number) {
    this.number = number;
    this.node = number % urls.length;
    this.id = 0;
    this.tasks = [];
  }

  headers() {
    const session = this.session ? { "mcp-session-id": this.session, "mcp-protocol-version": "2025-11-25" } : {};
    return { "content-type": "application/json", accept: "application/json, text/event-stream", ...session };
  }

  elsewhere() {
    this.node = (this.node + 1 + Math.floor(Math.random() * (urls.length - 1))) % urls.length;
  }

  async post(message, onEvent) {
    const body = JSON.stringify({ jsonrpc: "2.0", ...message });
    return request(urls[this.node], "POST", this.headers(), body, onEvent, onEvent ? undefined : patience);
  }

  async open() {
    const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "chaos", version: "1" } };
    while (running) {
      const reply = await this.post({ id: ++this.id, method: "initialize", params });
      if (reply.status === 200) {
        this.session = reply.headers["mcp-session-id"];
        await this.post({ method: "notifications/initialized" });
        return count("session opened");
      }
      count(`initialize: ${reply.error ?? reply.status}`);
      this.elsewhere();
      await sleep(50);
    }
  }

  /** Asks until there is an answer, at another node after each failure; notes how long that took. */
  async ask(kind, method, params) {
    const began = now();
    for (let attempt = 0; running || attempt < 400; attempt++) {
      const reply = await this.post({ id: ++this.id, method, params });
      if (reply.status === 200 && !reply.cut) {
        if (round >= 0) {
          const key = this.number * rounds + round;
          waits[key] = Math.max(waits[key] ?? 0, now() - began);
        }
        count(`${kind}: ok`);
        return JSON.parse(reply.text);
      }
      count(`${kind}: ${reply.cut ? "cut" : reply.error ?? reply.status}`);
      if (reply.status === 404) {
        broken.push(`client ${this.number}: its session is gone at node ${this.node + 1}`);
        return undefined;
      }
      this.elsewhere();
      await sleep(20);
    }
  }

  /** A call that streams; its stream is followed over as many nodes as that takes. */
  async stream() {
    const id = ++this.id;
    const seen = [];
    let last, answer;
    const onEvent = (event) => {
      if (event.id !== undefined) {
        const sequence = Number(event.id.split(".")[1]);
        if (event.data) {
          const before = seen.at(-1) ?? 0;
          if (sequence !== before + 1) broken.push(`client ${this.number}: event ${event.id} after ${before}`);
          seen.push(sequence);
        }
        last = event.id;
      }
      if (!event.data) return false;
      const message = JSON.parse(event.data);
      if (message.id !== id) return false;
      if (answer) broken.push(`client ${this.number}: two answers to ${id}`);
      answer = message;
      return false;
    };
    const params = { name: "test_tool_with_progress", arguments: {}, _meta: { progressToken: `p${id}` } };
    const first = await this.post({ id, method: "tools/call", params }, onEvent);
    if (last === undefined) {
      count(`stream: ${first.error ?? first.status}, before it began`);
      this.elsewhere();
      return;
    }
    const began = now();
    while (!answer && now() - began < 30000) {
      this.elsewhere();
      count("stream: resumed");
      const reply = await request(urls[this.node], "GET", { ...this.headers(), "last-event-id": last }, undefined, onEvent);
      if (reply.status && reply.status !== 200) count(`resumption: ${reply.status}`);
      if (reply.status === 404 || reply.status === 400) {
        broken.push(`client ${this.number}: the rest of stream ${last} is gone: ${reply.text}`);
        return;
      }
      if (!answer) await sleep(30);
    }
    if (!answer) broken.push(`client ${this.number}: stream ${last} never ended`);
    else count(answer.error ? "stream: ended with an error" : "stream: answered");
  }

  async task() {
    const params = { name: "slow_compute", arguments: { seconds: 1 }, task: { ttl: 600000 } };
    const reply = await this.post({ id: ++this.id, method: "tools/call", params });
    const task = reply.status === 200 && !reply.cut && !reply.stream ? JSON.parse(reply.text).result?.task : undefined;
    if (task) this.tasks.push(task.taskId);
    count(task ? "task: created" : `task: ${reply.cut ? "cut" : reply.error ?? reply.status}`);
    if (!task) this.elsewhere();
  }

  async live() {
    await this.open();
    while (running) {
      const dice = Math.random();
      if (dice < 0.6) await this.ask("call", "tools/call", { name: "greet", arguments: { name: "x" } });
      else if (dice < 0.9) await this.stream();
      else await this.task();
      await sleep(20 + Math.random() * 80);
    }
  }

  /** Every task that was acknowledged must be there, at any node, and come to an end. */
  async settle() {
    for (const taskId of this.tasks) {
      for (let attempt = 0; ; attempt++) {
        const reply = await this.ask("task at the end", "tasks/get", { taskId });
        const status = reply?.result?.status;
        if (["completed", "failed", "cancelled"].includes(status)) {
          count(`task: ${status}`);
          break;
        }
        if (!status || attempt > 100) {
          broken.push(`client ${this.number}: task ${taskId.slice(0, 12)}… is ${JSON.stringify(reply?.error ?? status)}`);
          break;
        }
        await sleep(200);
      }
    }
  }
}

async function settled() {
  for (let attempt = 0; attempt < 300; attempt++) {
    try {
      const status = await (await fetch(`http://${admins[0]}/status`, { signal: AbortSignal.timeout(3000) })).json();
      const nodes = status.nodes.every((node) => node.state === "up" && node.answers);
      if (nodes && status.groups.every((group) => group.leader !== null)) return;
    } catch {
      // Not up yet.
    }
    await sleep(100);
  }
  broken.push("the cluster did not settle within 30 s of the last restart");
}

async function kill() {
  const victim = Math.floor(Math.random() * pids.length);
  console.error(`round ${round + 1}: node ${victim + 1} is ${stops ? "stopped" : "killed"}`);
  if (stops) {
    process.kill(pids[victim], "SIGSTOP");
    await sleep(8000);
    process.kill(pids[victim], "SIGCONT");
  } else {
    process.kill(pids[victim], "SIGKILL");
    await sleep(3000);
    const log = openSync(`${process.env.CLUSTER_DIR}/node-${victim + 1}.log`, "a");
    const [program, ...args] = commands[victim];
    pids[victim] = spawn(program, args, { stdio: ["ignore", log, log] }).pid;
  }
  await settled();
  await sleep(2000);
}

const all = Array.from({ length: clients }, (_, number) => new Client(number));
const lives = all.map((client) => client.live());
await sleep(2000);
for (round = 0; round < rounds; round++) await kill();
round = -1;
running = false;
await Promise.all(lives);
running = true;
await Promise.all(all.map((client) => client.settle()));
running = false;
for (const pid of pids) {
  try {
    process.kill(pid, "SIGTERM");
  } catch {
    // It is gone.
  }
}

waits.sort((a, b) => a - b); // Holes go last, and are no waits.
while (waits.length > 0 && waits.at(-1) === undefined) waits.pop();
const at = (part) => Math.round(waits[Math.min(waits.length - 1, Math.floor(waits.length * part))] ?? 0);
for (const [what, times] of Object.entries(outcomes).sort()) console.log(`${String(times).padStart(7)}  ${what}`);
console.log(
  `the longest that each client waited for a plain call in each round: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, longest ${at(1)} ms`,
);
console.log(broken.length === 0 ? "nothing that was acknowledged is lost" : `BROKEN:\n${broken.slice(0, 40).join("\n")}`);
process.exit(broken.length === 0 ? 0 : 1);
