//! Handlers that ask, end to end: over a pair of pipes, in the words of both eras.

use serde_json::{Value, json};
use switchboard::handler::{Catalogue, Ctx, Failure, NoArguments, Server, Tool};
use switchboard::node::Config;
use switchboard::protocol::{Field, Form, TaskSupport};
use switchboard_bin::world::{self, TokioEnv};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines};

async fn who(ctx: Ctx, _: NoArguments) -> Result<String, Failure> {
    let form = Form::new().required("name", Field::text());
    let answer = ctx.elicit("who", "Who are you?", form).await?;
    answer.field("name").ok_or_else(|| Failure::tool("nobody"))
}

async fn greet(_: Ctx, name: String) -> Result<String, Failure> {
    Ok(format!("Hello, {name}!"))
}

fn catalogue() -> Catalogue {
    let server = Server::new("handlers", "1")
        .tool(Tool::new("ask", who))
        .tool(Tool::prepared("greet", who, greet).tasks(TaskSupport::Optional));
    server.build().expect("the tools must be usable")
}

struct Client {
    lines: Lines<BufReader<DuplexStream>>,
    writer: DuplexStream,
    id: u64,
}

impl Client {
    async fn connect() -> Self {
        let env = TokioEnv::boot().expect("there must be entropy");
        let node = world::start(env, Config::new(), catalogue()).await.expect("the node must start");
        let (writer, reads) = tokio::io::duplex(1 << 16);
        let (writes, reader) = tokio::io::duplex(1 << 16);
        tokio::spawn(async move { node.serve_stdio(reads, writes).await });
        Self { lines: BufReader::new(reader).lines(), writer, id: 0 }
    }

    async fn send(&mut self, message: &Value) {
        self.writer.write_all(format!("{message}\n").as_bytes()).await.expect("the node must read");
    }

    async fn receive(&mut self) -> Value {
        let line = self.lines.next_line().await.expect("the node must write").expect("a line must come");
        serde_json::from_str(&line).expect("a line must be JSON")
    }

    /// The answer to a request that stands for itself.
    async fn ask(&mut self, method: &str, mut params: Value) -> Value {
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {
                "elicitation": {}, "extensions": { "io.modelcontextprotocol/tasks": {} },
            },
        });
        self.request(method, params).await
    }

    async fn request(&mut self, method: &str, params: Value) -> Value {
        self.id += 1;
        let id = self.id;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })).await;
        loop {
            let message = self.receive().await;
            if message["method"] == "elicitation/create" {
                let result = json!({ "action": "accept", "content": { "name": "Ann" } });
                self.send(&json!({ "jsonrpc": "2.0", "id": message["id"], "result": result })).await;
            } else if message["id"] == id {
                return message;
            }
        }
    }

    /// The task, once it is over.
    async fn outcome(&mut self, task_id: &Value) -> Value {
        loop {
            let task = self.ask("tasks/get", json!({ "taskId": task_id })).await["result"].take();
            if task["status"] != "working" {
                return task;
            }
        }
    }
}

fn answers(who: Value) -> Value {
    json!({ "who": who })
}

fn ann() -> Value {
    json!({ "action": "accept", "content": { "name": "Ann" } })
}

#[tokio::test]
async fn a_prepared_tool_asks_by_its_request_and_then_becomes_a_task() {
    let mut client = Client::connect().await;
    let first = client.ask("tools/call", json!({ "name": "greet" })).await["result"].take();
    assert_eq!(first["resultType"], "input_required");
    assert_eq!(first["inputRequests"]["who"]["method"], "elicitation/create");
    assert_eq!(first.get("taskId"), None);
    let state = &first["requestState"];
    let retry = json!({ "name": "greet", "inputResponses": answers(ann()), "requestState": state });
    let second = client.ask("tools/call", retry).await["result"].take();
    assert_eq!(second["resultType"], "task");
    let task = client.outcome(&second["taskId"]).await;
    assert_eq!(
        (&task["status"], &task["result"]["content"][0]["text"]),
        (&json!("completed"), &json!("Hello, Ann!"))
    );
}

#[tokio::test]
async fn a_preparation_that_fails_makes_no_task() {
    let mut client = Client::connect().await;
    let params = json!({ "name": "greet", "inputResponses": answers(json!({ "action": "decline" })) });
    let result = client.ask("tools/call", params).await["result"].take();
    assert_eq!((&result["resultType"], &result["isError"]), (&json!("complete"), &json!(true)));
}

#[tokio::test]
async fn in_2025_a_prepared_tool_is_a_task_at_once_and_asks_through_it() {
    let mut client = Client::connect().await;
    let hello = json!({
        "protocolVersion": "2025-11-25",
        "capabilities": { "elicitation": {} },
        "clientInfo": { "name": "c", "version": "1" },
    });
    client.request("initialize", hello).await;
    let created = client.request("tools/call", json!({ "name": "greet", "task": {} })).await;
    let task_id = &created["result"]["task"]["taskId"];
    let result = client.request("tasks/result", json!({ "taskId": task_id })).await;
    assert_eq!(result["result"]["content"][0]["text"], "Hello, Ann!");
    let direct = client.request("tools/call", json!({ "name": "greet" })).await;
    assert_eq!(direct["result"]["content"][0]["text"], "Hello, Ann!");
}

#[tokio::test]
async fn an_answer_that_comes_with_the_first_request_saves_a_round() {
    let mut client = Client::connect().await;
    let params = json!({ "name": "ask", "inputResponses": { "who": ann(), "unasked": 1 } });
    let result = client.ask("tools/call", params).await["result"].take();
    assert_eq!(result["content"][0]["text"], "Ann");
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_the_clients_fault() {
    let mut client = Client::connect().await;
    let params = json!({ "name": "ask", "inputResponses": answers(json!(12345)) });
    assert_eq!(client.ask("tools/call", params).await["error"]["code"], -32602);
}
