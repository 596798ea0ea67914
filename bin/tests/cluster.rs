//! Three nodes in three processes, and clients that never ask the same one twice; one cluster of them with TLS inside.
//!
//! A node here is this test binary, run anew with [`NODE`] in its environment: its catalogue is the one below, and it can
//! be killed.

mod authority;
mod program;

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use authority::{Authority, section};
use program::{Connection, PATIENCE, call, get, initialize};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use switchboard::handler::{Catalogue, Ctx, Failure, Resource, Server, Tool};
use switchboard::protocol::TaskSupport;
use switchboard_bin::config::{Overrides, Settings};
use switchboard_bin::world::{self, TokioEnv};

/// Names the configuration of a node to be.
const NODE: &str = "SWITCHBOARD_TEST_NODE";
const WATCHED: &str = "test://watched";

#[derive(Deserialize, JsonSchema)]
struct Count {
    to: u32,
}

async fn count(ctx: Ctx, Count { to }: Count) -> Result<String, Failure> {
    for done in 1..=to {
        ctx.progress(f64::from(done), Some(f64::from(to)), None).await;
        ctx.sleep_ms(100).await;
    }
    Ok(format!("counted to {to}"))
}

async fn change(ctx: Ctx) -> Result<&'static str, Failure> {
    ctx.catalogue().resource_updated(WATCHED);
    Ok("changed")
}

fn catalogue() -> Catalogue {
    Server::new("cluster test", "0")
        .tool(Tool::new("count", count).describe("Counts").tasks(TaskSupport::Optional))
        .tool(Tool::without_arguments("change", change).describe("Changes what is watched"))
        .resource(Resource::text(WATCHED, "watched", "text/plain", "It changes"))
        .build()
        .expect("the catalogue must be right")
}

/// Not a test: what a child process runs.
#[test]
#[ignore = "it is a node, for the tests here"]
fn node_of_a_cluster() {
    let Some(path) = std::env::var_os(NODE) else { return };
    // The parent's end, in whatever way, closes this.
    std::thread::spawn(|| {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(0);
    });
    let settings = Settings::from_file(Path::new(&path), &|_| None, &Overrides::default());
    let settings = settings.expect("the configuration must be right");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("threads must start").block_on(async {
        let env = TokioEnv::boot().expect("there is randomness");
        let node = world::start(env, settings.node, catalogue()).await.expect("the node must start");
        node.stopped().await;
    });
}

struct Member {
    child: Child,
    /// What it is told, without anything on TLS.
    text: String,
    http: SocketAddr,
    admin: SocketAddr,
}

impl Member {
    /// Ends its process, without a word, and starts another one with more to its configuration.
    fn restart(&mut self, more: &str) {
        self.child.kill().expect("one's own child");
        let _ = self.child.wait();
        self.child = launch(&format!("{}{more}", self.text));
    }
}

fn launch(text: &str) -> Child {
    let mut command = Command::new(std::env::current_exe().expect("this program has a path"));
    command.args(["--exact", "node_of_a_cluster", "--ignored", "--nocapture"]);
    command.env(NODE, program::config(text)).stdin(Stdio::piped()).stdout(Stdio::null());
    command.spawn().expect("this program must start")
}

impl Drop for Member {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Cluster {
    members: Vec<Member>,
    folder: PathBuf,
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.members.clear();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Ports where nobody listens: a node tells others its port before it could tell us. They lie below those that the system
/// gives out, and no two are the same: one that is free now stays so until its node is there.
fn free_ports<const N: usize>() -> [SocketAddr; N] {
    static NEXT: AtomicU16 = AtomicU16::new(20_000);
    std::array::from_fn(|_| {
        loop {
            let address = SocketAddr::from(([127, 0, 0, 1], NEXT.fetch_add(1, Ordering::Relaxed)));
            if TcpListener::bind(address).is_ok() {
                return address;
            }
        }
    })
}

/// What three nodes are worth. They begin with four, so that each of these splits before anybody calls.
const GROUPS: usize = 16;

impl Cluster {
    fn start(name: &str) -> Self {
        Self::start_with(name, |_| String::new())
    }

    /// Starts it with more to the configuration of each.
    fn start_with(name: &str, more: impl Fn(usize) -> String) -> Self {
        let folder =
            PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("the folder for tests must be writable");
        let (mesh, http, admin) = (free_ports::<3>(), free_ports::<3>(), free_ports::<3>());
        let seeds: Vec<String> = mesh.iter().map(|address| format!("\"{address}\"")).collect();
        let member = |at: usize| {
            let text = format!(
                "state_dir = {:?}\n[http]\nlisten = \"{}\"\n[admin]\nlisten = \"{}\"\n[cluster]\nname = \"{name}\"\n\
                 listen = \"{}\"\nseeds = [{}]\nfound = {}\nsecret = \"{}\"\ngroups = 4\n",
                folder.join(at.to_string()).display().to_string(),
                http[at],
                admin[at],
                mesh[at],
                seeds.join(", "),
                at == 0,
                "0123456789abcdef".repeat(4),
            );
            let child = launch(&format!("{text}{}", more(at)));
            Member { child, text, http: http[at], admin: admin[at] }
        };
        let cluster = Self { members: (0..3).map(member).collect(), folder };
        until("every group has three replicas and a leader", || {
            let status = cluster.status(0).ok_or("node 0 does not answer")?;
            let groups = status["groups"].as_array().map_or(&[][..], Vec::as_slice);
            let settled = |group: &Value| {
                group["replicas"].as_array().is_some_and(|replicas| replicas.len() == 3)
                    && group["leader"].is_u64()
                    && group["moving"] == false
            };
            let is_settled = groups.len() == GROUPS && groups.iter().all(settled);
            if is_settled { Ok(()) } else { Err(status.to_string()) }
        });
        cluster
    }

    fn status(&self, at: usize) -> Option<Value> {
        let admin = self.members[at].admin;
        // Not there yet is no failure.
        std::net::TcpStream::connect(admin).ok()?;
        let answer = get(admin, "/status").read_to_end();
        serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()
    }

    /// The incarnation of a node, and how it is, as another knows it.
    fn told_of(&self, at: usize, by: usize) -> Option<(u64, String)> {
        let status = self.status(by)?;
        let http = self.members[at].http.to_string();
        let node = status["nodes"].as_array()?.iter().find(|node| node["http"] == http)?;
        Some((node["incarnation"].as_u64()?, node["state"].as_str()?.to_owned()))
    }

    /// The place of a node by its id.
    fn place_of(&self, status: &Value, id: u64) -> usize {
        let nodes = status["nodes"].as_array().expect("nodes");
        let node = nodes.iter().find(|node| node["id"] == id).expect("a leader must be a node");
        let http = node["http"].as_str().expect("its address");
        self.members.iter().position(|member| member.http.to_string() == http).expect("one of ours")
    }

    fn post(&self, at: usize, session: &str, body: &Value) -> Connection {
        let session =
            if session.is_empty() { String::new() } else { format!("Mcp-Session-Id: {session}\r\n") };
        self.send(at, "POST /mcp", &session, &body.to_string())
    }

    fn send(&self, at: usize, target: &str, headers: &str, body: &str) -> Connection {
        let http = self.members[at].http;
        let accept = if target.starts_with("GET") { "" } else { "application/json, " };
        Connection::send(
            http,
            &format!(
                "{target} HTTP/1.1\r\nHost: {http}\r\nAccept: {accept}text/event-stream\r\n\
                 Content-Type: application/json\r\nMCP-Protocol-Version: 2025-11-25\r\nConnection: close\r\n\
                 Content-Length: {}\r\n{headers}\r\n{body}",
                body.len()
            ),
        )
    }

    fn open(&self, at: usize) -> String {
        let answer = self.post(at, "", &initialize()).read_to_end();
        let line = answer.lines().find(|line| line.to_ascii_lowercase().starts_with("mcp-session-id:"));
        let id =
            line.and_then(|line| line.split_once(": ")).unwrap_or_else(|| panic!("no session: {answer}"));
        let session = id.1.to_owned();
        let ready = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        let answer = self.post((at + 1) % 3, &session, &ready).read_to_end();
        assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
        session
    }

    /// Asks, and reads the answer, be it JSON or the last event of a stream.
    fn ask(&self, at: usize, session: &str, body: &Value) -> Value {
        let text = self.post(at, session, body).read_to_end();
        let answer = text.lines().rev().map(|line| line.strip_prefix("data: ").unwrap_or(line));
        let answer = answer.filter_map(|line| serde_json::from_str::<Value>(line).ok());
        answer.into_iter().find(|value| value["id"] == body["id"]).unwrap_or_else(|| panic!("{text}"))
    }
}

/// Looks until it is so. What was seen last tells why it never was.
fn until<T>(what: &str, mut look: impl FnMut() -> Result<T, String>) -> T {
    let begin = Instant::now();
    loop {
        match look() {
            Ok(seen) => return seen,
            Err(last) => assert!(begin.elapsed() < PATIENCE, "never: {what}; at last: {last}"),
        }
        sleep(Duration::from_millis(50));
    }
}

fn request(id: u32, method: &str, params: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })
}

#[test]
fn a_session_and_its_tasks_are_the_same_at_every_node_and_end_at_all_of_them() {
    let cluster = Cluster::start("everywhere");
    let session = cluster.open(0);
    let told = cluster.ask(1, &session, &request(1, "resources/subscribe", &json!({ "uri": WATCHED })));
    assert!(told["result"].is_object(), "{told}");
    let mut stream = cluster.send(1, "GET /mcp", &format!("Mcp-Session-Id: {session}\r\n"), "");
    stream.read_until("\r\n\r\n");
    let told = cluster.ask(2, &session, &call(2, "change", &json!({})));
    assert_eq!(told["result"]["content"][0]["text"], "changed", "{told}");
    let seen = stream.read_until("notifications/resources/updated");
    assert!(seen.contains(WATCHED), "{seen}");

    let begun = json!({ "name": "count", "arguments": { "to": 3 }, "task": { "ttl": 60_000 } });
    let task = cluster.ask(0, &session, &request(3, "tools/call", &begun));
    let id = task["result"]["task"]["taskId"].as_str().unwrap_or_else(|| panic!("no task: {task}"));
    let seen = cluster.ask(1, &session, &request(4, "tasks/get", &json!({ "taskId": id })));
    assert_eq!(seen["result"]["taskId"], id, "{seen}");
    let result = cluster.ask(2, &session, &request(5, "tasks/result", &json!({ "taskId": id })));
    assert_eq!(result["result"]["content"][0]["text"], "counted to 3", "{result}");

    let ended = cluster.send(2, "DELETE /mcp", &format!("Mcp-Session-Id: {session}\r\n"), "").read_to_end();
    assert!(ended.starts_with("HTTP/1.1 2"), "{ended}");
    for at in 0..3 {
        let answer = cluster.post(at, &session, &request(6, "ping", &json!({}))).read_to_end();
        assert!(answer.starts_with("HTTP/1.1 404"), "at node {at}: {answer}");
    }
    stream.read_to_end();
}

/// The ids of events, and the progress that those with one tell.
fn events(text: &str) -> Vec<(String, Option<u64>)> {
    let mut events = Vec::new();
    let mut id = None;
    for line in text.lines() {
        if let Some(now) = line.strip_prefix("id: ") {
            id = Some(now.to_owned());
        } else if let Some(data) = line.strip_prefix("data: ")
            && let Ok(message) = serde_json::from_str::<Value>(data)
        {
            let progress = message["params"]["progress"].as_f64().map(|done| done as u64);
            events.extend(id.take().map(|id| (id, progress)));
        }
    }
    events
}

#[test]
fn a_client_whose_owner_was_killed_gets_exactly_the_events_that_it_missed_at_another_node() {
    const TO: u64 = 40;
    let mut cluster = Cluster::start("killed");
    let session = cluster.open(0);
    let status = cluster.status(0).expect("it answers");
    let groups = status["groups"].as_array().expect("groups");
    let group = groups.iter().find(|group| group["sessions"] == 1).unwrap_or_else(|| panic!("{status:#}"));
    let owner = cluster.place_of(&status, group["leader"].as_u64().expect("a leader"));
    let (executor, other) = ((owner + 1) % 3, (owner + 2) % 3);

    let mut first = cluster.post(executor, &session, &call(1, "count", &json!({ "to": TO })));
    first.read_until("\"progress\":3");
    first.read_until("\n\n");
    let seen = events(&first.seen);
    let (last, done) = seen.iter().rev().find(|(_, progress)| progress.is_some()).expect("progress").clone();
    drop(first);
    cluster.members[owner].child.kill().expect("one's own child");

    let resume = format!("Mcp-Session-Id: {session}\r\nLast-Event-ID: {last}\r\n");
    let rest = until("somebody goes on with the stream", || {
        let text = cluster.send(other, "GET /mcp", &resume, "").read_to_end();
        if text.starts_with("HTTP/1.1 200") { Ok(text) } else { Err(text) }
    });
    let missed: Vec<u64> = events(&rest).into_iter().filter_map(|(_, progress)| progress).collect();
    let expect: Vec<u64> = (done.expect("progress") + 1..=TO).collect();
    assert_eq!(missed, expect, "{rest}");
    assert_eq!(rest.matches("counted to 40").count(), 1, "{rest}");
}

#[test]
fn nodes_with_certificates_form_a_cluster_and_an_id_is_for_the_name_that_it_was_given_to() {
    let authority = Authority::new("authority");
    let as_node = |name: &str| section(&authority.pem(), &authority.issue(name));
    let mut cluster = Cluster::start_with("tls", |at| as_node(&format!("node-{at}")));
    let session = cluster.open(0);
    for at in 0..3 {
        let told = cluster.ask(at, &session, &call(1, "change", &json!({})));
        assert_eq!(told["result"]["content"][0]["text"], "changed", "at node {at}: {told}");
    }

    // A certificate for another key under the same name is as good as the first.
    let (before, _) = cluster.told_of(2, 0).expect("it is in the map");
    cluster.members[2].restart(&as_node("node-2"));
    let renewed = until("it is up in another life", || match cluster.told_of(2, 0) {
        Some((now, state)) if now > before && state == "up" => Ok(now),
        other => Err(format!("{other:?}, after {before}")),
    });

    // The state of a node, and a certificate that is good and not its own: it sees that itself.
    cluster.members[2].restart(&as_node("somebody"));
    assert!(!program::wait(&mut cluster.members[2].child).success());
    until("it is missed", || match cluster.told_of(2, 0) {
        Some((incarnation, state)) if incarnation == renewed && state == "down" => Ok(()),
        other => Err(format!("{other:?}")),
    });
    let answer = cluster.ask(0, &session, &call(2, "change", &json!({})));
    assert_eq!(answer["result"]["content"][0]["text"], "changed", "two of three go on: {answer}");

    cluster.members[2].restart(&as_node("node-2"));
    until("the true one is back", || match cluster.told_of(2, 0) {
        Some((now, state)) if now > renewed && state == "up" => Ok(()),
        other => Err(format!("{other:?}")),
    });
}
