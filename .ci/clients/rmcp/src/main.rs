//! A tour of the example server `everything` with the official Rust client.
//!
//! `tour ERA TRANSPORT TARGET`: ERA is the protocol revision that the client must end up with, TRANSPORT http or stdio,
//! TARGET a URL, or the server's binary for stdio. Prints one line per step.

#![allow(deprecated, reason = "sampling, roots, logging and subscriptions by request are deprecated, and this tours them too")]

use std::pin::Pin;
use std::process::exit;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rmcp::model::*;
use rmcp::service::{NotificationContext, PeerRequestOptions, RequestContext, RoleClient, RunningService};
use rmcp::transport::{StreamableHttpClientTransport, TokioChildProcess};
use rmcp::{ClientHandler, ClientLifecycleMode, ClientServiceExt, ErrorData, ServiceError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use tokio::time::{sleep, timeout};

type Outcome = Result<(), String>;
type Client = RunningService<RoleClient, User>;

const WATCHED: &str = "test://watched-resource";

// ---- the client, with somebody who answers whatever it is asked

#[derive(Clone)]
struct User {
    era: String,
    tasks: bool,
    heard: Arc<Mutex<Vec<(&'static str, Value)>>>,
    asked: Arc<Mutex<u32>>,
}

impl User {
    fn hears(&self, what: &'static str, params: impl Serialize) {
        self.heard.lock().unwrap().push((what, wire(params)));
    }

    fn heard(&self, what: &str) -> Vec<Value> {
        let heard = self.heard.lock().unwrap();
        heard.iter().filter(|(kind, _)| *kind == what).map(|(_, params)| params.clone()).collect()
    }

    fn is_asked(&self) {
        *self.asked.lock().unwrap() += 1;
    }
}

impl ClientHandler for User {
    fn get_info(&self) -> ClientConfig {
        let mut capabilities = json!({
            "sampling": {}, "roots": { "listChanged": true }, "elicitation": { "form": {}, "url": {} },
        });
        if self.tasks {
            capabilities["extensions"] = json!({ "io.modelcontextprotocol/tasks": {} });
        }
        read(json!({
            "protocolVersion": self.era, "capabilities": capabilities,
            "clientInfo": { "name": "tour", "version": "1.0.0" },
        }))
    }

    async fn create_message(
        &self,
        params: CreateMessageRequestParams,
        _: RequestContext<RoleClient>,
    ) -> Result<CreateMessageResult, ErrorData> {
        self.is_asked();
        let content = &wire(params)["messages"][0]["content"];
        let text = if content.is_array() { &content[0]["text"] } else { &content["text"] };
        Ok(read(json!({
            "role": "assistant", "model": "a-model", "stopReason": "endTurn",
            "content": { "type": "text", "text": format!("I heard: {}", text.as_str().unwrap()) },
        })))
    }

    async fn create_elicitation(
        &self,
        params: ElicitRequestParams,
        _: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        self.is_asked();
        let params = wire(params);
        if params["mode"] == "url" {
            return Ok(read(json!({ "action": "accept" })));
        }
        Ok(read(json!({ "action": "accept", "content": fill(&params["requestedSchema"]) })))
    }

    async fn list_roots(&self, _: RequestContext<RoleClient>) -> Result<ListRootsResult, ErrorData> {
        self.is_asked();
        Ok(read(
            json!({ "roots": [{ "uri": "file:///home/ada", "name": "home" }, { "uri": "file:///srv" }] }),
        ))
    }

    async fn on_progress(&self, params: ProgressNotificationParam, _: NotificationContext<RoleClient>) {
        self.hears("progress", params);
    }

    async fn on_logging_message(
        &self,
        params: LoggingMessageNotificationParam,
        _: NotificationContext<RoleClient>,
    ) {
        self.hears("log", params);
    }

    async fn on_resource_updated(
        &self,
        params: ResourceUpdatedNotificationParam,
        _: NotificationContext<RoleClient>,
    ) {
        self.hears("update", params);
    }

    async fn on_tool_list_changed(&self, _: NotificationContext<RoleClient>) {
        self.hears("tools", ());
    }

    async fn on_prompt_list_changed(&self, _: NotificationContext<RoleClient>) {
        self.hears("prompts", ());
    }

    async fn on_resource_list_changed(&self, _: NotificationContext<RoleClient>) {
        self.hears("resources", ());
    }
}

/// Fills a form in.
fn fill(schema: &Value) -> Value {
    let value = |field: &Value| {
        if !field["default"].is_null() {
            return field["default"].clone();
        }
        match field["type"].as_str().unwrap() {
            "boolean" => json!(true),
            "array" if field["items"]["enum"].is_array() => json!([field["items"]["enum"][0]]),
            "array" => json!([field["items"]["anyOf"][0]["const"]]),
            "string" if field["enum"].is_array() => field["enum"][0].clone(),
            "string" if field["oneOf"].is_array() => field["oneOf"][0]["const"].clone(),
            "string" => json!(match field["format"].as_str() {
                Some("email") => "ada@example.com",
                Some("uri") => "https://example.com/",
                Some("date") => "2026-07-28",
                Some("date-time") => "2026-07-28T12:00:00Z",
                _ => "Ada",
            }),
            _ => json!(1),
        }
    };
    let fields = schema["properties"].as_object().unwrap();
    fields.iter().map(|(key, field)| (key.clone(), value(field))).collect::<Map<_, _>>().into()
}

// ---- small things

/// What came or goes, by the names that the protocol gives it.
fn wire(value: impl Serialize) -> Value {
    serde_json::to_value(value).unwrap()
}

fn read<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

fn check(condition: bool, what: impl ToString) -> Outcome {
    if condition { Ok(()) } else { Err(what.to_string()) }
}

fn equal(left: impl Serialize, right: impl Serialize) -> Outcome {
    let (left, right) = (wire(left), wire(right));
    check(left == right, format!("{left} is not {right}"))
}

fn words(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn refused<T>(outcome: Result<T, ServiceError>, code: i32) -> Outcome {
    match outcome {
        Err(ServiceError::McpError(error)) => equal(error.code.0, code),
        Err(error) => Err(words(error)),
        Ok(_) => Err("this was to be refused".into()),
    }
}

async fn until(ms: u64, what: &str, mut condition: impl FnMut() -> bool) -> Outcome {
    let end = Instant::now() + Duration::from_millis(ms);
    while !condition() {
        check(Instant::now() < end, format!("no {what} within {ms} ms"))?;
        sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

async fn call(client: &Client, name: &str, arguments: Value) -> Result<Value, ServiceError> {
    client.call_tool(read(json!({ "name": name, "arguments": arguments }))).await.map(wire)
}

fn texts(result: &Value) -> String {
    result["content"].as_array().unwrap().iter().filter_map(|item| item["text"].as_str()).collect()
}

async fn connect(user: &User, transport: &str, target: &str) -> Result<Client, String> {
    let lifecycle = if user.era.as_str() >= "2026-07-28" {
        ClientLifecycleMode::Auto {
            preferred_versions: vec![ProtocolVersion::V_2026_07_28],
            legacy_version: Some(ProtocolVersion::V_2025_11_25),
        }
    } else {
        ClientLifecycleMode::Initialize
    };
    if transport == "stdio" {
        let mut command = tokio::process::Command::new(target);
        command.arg("--stdio");
        let child = TokioChildProcess::new(command).map_err(words)?;
        return user.clone().serve_with_lifecycle(child, lifecycle).await.map_err(words);
    }
    let http = StreamableHttpClientTransport::from_uri(target);
    user.clone().serve_with_lifecycle(http, lifecycle).await.map_err(words)
}

/// Changes a list twice, and is told twice.
async fn changes(client: &Client, modern: bool, kind: &'static str, tool: &str) -> Outcome {
    let filter = json!({ format!("{kind}ListChanged"): true });
    let mut listening = if modern { Some(client.listen(read(filter)).await.map_err(words)?) } else { None };
    for there in [true, false] {
        let before = client.service().heard(kind).len();
        let answer = call(client, tool, json!({ "there": there })).await.map_err(words)?;
        equal(texts(&answer), if there { "Here" } else { "Gone" })?;
        match &mut listening {
            Some(listening) => {
                let next = timeout(Duration::from_secs(3), listening.next()).await.map_err(words)?;
                check(next.map_err(words)?.is_some(), "the subscription ended")?;
            }
            None => until(3_000, kind, || client.service().heard(kind).len() > before).await?,
        }
        let list = match kind {
            "tools" => wire(client.list_all_tools().await.map_err(words)?),
            "prompts" => wire(client.list_all_prompts().await.map_err(words)?),
            _ => wire(client.list_all_resources().await.map_err(words)?),
        };
        let passing = ["passing_tool", "passing_prompt", "passing"];
        let is_there =
            list.as_array().unwrap().iter().any(|item| passing.iter().any(|name| item["name"] == *name));
        equal(is_there, there)?;
    }
    if let Some(mut listening) = listening {
        listening.cancel().await.map_err(words)?;
    }
    Ok(())
}

/// Follows a task to its end, and answers what it asks.
async fn follow(client: &Client, name: &str, arguments: Value) -> Result<Value, String> {
    let made =
        client.call_tool_once(read(json!({ "name": name, "arguments": arguments }))).await.map_err(words)?;
    let CallToolResponse::Task(made) = made else { return Err("no task was made".into()) };
    let id = made.task.task_id;
    loop {
        let task = wire(client.get_task(read(json!({ "taskId": id }))).await.map_err(words)?);
        match task["status"].as_str().unwrap() {
            "working" => {}
            "input_required" => {
                let requests = task["inputRequests"].as_object().unwrap();
                let answers: Map<String, Value> = requests
                    .iter()
                    .map(|(key, request)| {
                        let content = fill(&request["params"]["requestedSchema"]);
                        (key.clone(), json!({ "action": "accept", "content": content }))
                    })
                    .collect();
                let update = json!({ "taskId": id, "inputResponses": answers });
                client.update_task(read(update)).await.map_err(words)?;
            }
            "completed" => return Ok(task["result"].clone()),
            other => return Err(format!("the task is {other}")),
        }
        sleep(Duration::from_millis(100)).await;
    }
}

// ---- the tour

type Step<'a> = (&'static str, bool, Pin<Box<dyn Future<Output = Outcome> + 'a>>);

fn step<'a>(feature: &'static str, there: bool, walk: impl Future<Output = Outcome> + 'a) -> Step<'a> {
    (feature, there, Box::pin(walk))
}

fn tour<'a>(client: &'a Client, tasked: Option<&'a Client>, modern: bool, over_http: bool) -> Vec<Step<'a>> {
    let user = client.service();
    let mut steps = vec![
        step("tools, list", true, async move {
            let tools = wire(client.list_all_tools().await.map_err(words)?);
            let greet = tools.as_array().unwrap().iter().find(|tool| tool["name"] == "greet").cloned();
            let greet = greet.ok_or("no greet")?;
            equal((&greet["title"], &greet["inputSchema"]["properties"]["name"]["type"]), ("Greet", "string"))
        }),
        step("tools, unknown", true, async move {
            refused(call(client, "no_such_tool", json!({})).await, -32602)
        }),
        step("tools, bad arguments", true, async move {
            match call(client, "greet", json!({ "name": 7 })).await {
                Ok(result) => equal(&result["isError"], true),
                refusal => refused(refusal, -32602),
            }
        }),
        step("progress", true, async move {
            let result = call(client, "test_tool_with_progress", json!({})).await.map_err(words)?;
            equal(texts(&result), "Done")?;
            until(1_000, "progress", || user.heard("progress").len() >= 3).await?;
            let told: Vec<Value> =
                user.heard("progress").iter().map(|told| told["progress"].clone()).collect();
            equal(told, [0.0, 50.0, 100.0])
        }),
        step("logging", true, async move {
            let mut params = json!({ "name": "test_logging_tool", "arguments": {} });
            if modern {
                params["_meta"] = json!({ "io.modelcontextprotocol/logLevel": "info" });
            } else {
                client.set_level(read(json!({ "level": "info" }))).await.map_err(words)?;
            }
            client.call_tool(read(params)).await.map_err(words)?;
            until(1_000, "log", || user.heard("log").len() >= 3).await?;
            let said: Vec<Value> = user.heard("log").iter().map(|log| log["data"].clone()).collect();
            equal(said, ["started", "half way", "finished"])
        }),
        step("resources, list", true, async move {
            let list = wire(client.list_all_resources().await.map_err(words)?);
            check(list.as_array().unwrap().iter().any(|resource| resource["uri"] == WATCHED), list)
        }),
        step("resources, templates", true, async move {
            let list = wire(client.list_all_resource_templates().await.map_err(words)?);
            equal(&list[0]["uriTemplate"], "test://template/{id}/data")
        }),
        step("resources, unknown", true, async move {
            let outcome = client.read_resource(read(json!({ "uri": "test://nowhere" }))).await;
            refused(outcome, if modern { -32602 } else { -32002 })
        }),
        step("resources, subscribe", true, async move {
            if modern {
                let filter = json!({ "resourceSubscriptions": [WATCHED] });
                let mut listening = client.listen(read(filter)).await.map_err(words)?;
                let next = timeout(Duration::from_secs(7), listening.next()).await.map_err(words)?;
                equal(&wire(next.map_err(words)?)["params"]["uri"], WATCHED)?;
                return listening.cancel().await.map_err(words);
            }
            client.subscribe(read(json!({ "uri": WATCHED }))).await.map_err(words)?;
            until(7_000, "update", || !user.heard("update").is_empty()).await?;
            equal(&user.heard("update")[0]["uri"], WATCHED)?;
            client.unsubscribe(read(json!({ "uri": WATCHED }))).await.map_err(words)
        }),
        step("prompts, list", true, async move {
            let list = wire(client.list_all_prompts().await.map_err(words)?);
            check(list.as_array().unwrap().iter().any(|prompt| prompt["name"] == "test_simple_prompt"), list)
        }),
        step("prompts, missing argument", true, async move {
            let params = json!({ "name": "test_prompt_with_arguments", "arguments": { "arg1": "tea" } });
            refused(client.get_prompt(read(params)).await, -32602)
        }),
        step("completion, prompt", true, async move {
            let values = client.complete_prompt_simple("test_prompt_with_arguments", "arg1", "par").await;
            equal(values.map_err(words)?, ["paris", "park", "party"])
        }),
        step("completion, template", true, async move {
            let values = client.complete_resource_simple("test://template/{id}/data", "id", "4").await;
            equal(values.map_err(words)?.len(), 11)
        }),
        step(
            "roots, changed",
            !modern,
            async move { client.notify_roots_list_changed().await.map_err(words) },
        ),
        step("cancellation", true, async move {
            let params = json!({ "name": "slow_compute", "arguments": { "seconds": 30 } });
            let request =
                ClientRequest::CallToolRequest(read(json!({ "method": "tools/call", "params": params })));
            let options = PeerRequestOptions::with_timeout(Duration::from_millis(300));
            let handle = client.send_cancellable_request(request, options).await.map_err(words)?;
            let outcome = handle.await_response().await;
            check(matches!(outcome, Err(ServiceError::Timeout { .. })), "the call ended by itself")?;
            let result = call(client, "greet", json!({ "name": "again" })).await.map_err(words)?;
            equal(texts(&result), "Hello, again!")
        }),
        step("resumption, closed by the server", over_http && !modern, async move {
            let result = call(client, "test_reconnection", json!({})).await.map_err(words)?;
            equal(texts(&result), "You came back")
        }),
        step("list changes, tools", true, changes(client, modern, "tools", "test_trigger_tool_change")),
        step("list changes, prompts", true, changes(client, modern, "prompts", "test_trigger_prompt_change")),
        step(
            "list changes, resources",
            true,
            changes(client, modern, "resources", "test_trigger_resource_change"),
        ),
    ];
    type Look = fn(&Value) -> Value;
    let tools: [(&str, &str, Value, Look, Value); 11] = [
        (
            "tools, text",
            "test_simple_text",
            json!({}),
            |result| json!(texts(result)),
            json!("This is a simple text."),
        ),
        (
            "tools, image",
            "test_image_content",
            json!({}),
            |r| r["content"][0]["mimeType"].clone(),
            json!("image/png"),
        ),
        (
            "tools, audio",
            "test_audio_content",
            json!({}),
            |r| r["content"][0]["mimeType"].clone(),
            json!("audio/wav"),
        ),
        (
            "tools, embedded resource",
            "test_embedded_resource",
            json!({}),
            |result| result["content"][0]["resource"]["text"].clone(),
            json!("A resource in full."),
        ),
        (
            "tools, resource link",
            "test_resource_link",
            json!({}),
            |result| result["content"][0]["type"].clone(),
            json!("resource_link"),
        ),
        (
            "tools, mixed",
            "test_multiple_content_types",
            json!({}),
            |result| result["content"].as_array().unwrap().iter().map(|item| item["type"].clone()).collect(),
            json!(["text", "image", "resource"]),
        ),
        ("tools, arguments", "greet", json!({ "name": "Ada" }), |r| json!(texts(r)), json!("Hello, Ada!")),
        (
            "tools, structured output",
            "add",
            json!({ "a": 20, "b": 22 }),
            |result| result["structuredContent"].clone(),
            json!({ "sum": 42 }),
        ),
        ("tools, error", "test_error_handling", json!({}), |result| result["isError"].clone(), json!(true)),
        ("tools, on a thread", "count_primes", json!({ "below": 1000 }), |r| json!(texts(r)), json!("168")),
        (
            "tools, argument in a header",
            "query_region",
            json!({ "region": "Zürich" }),
            |result| json!(texts(result).starts_with("Zürich knows")),
            json!(true),
        ),
    ];
    for (feature, name, arguments, look, expected) in tools {
        steps.push(step(feature, true, async move {
            equal(look(&call(client, name, arguments).await.map_err(words)?), expected)
        }));
    }
    for (feature, uri, field, expected) in [
        ("resources, read text", "test://static-text", "text", "A text that never changes."),
        ("resources, read blob", "test://static-binary", "mimeType", "image/png"),
        ("resources, read by template", "test://template/7/data", "mimeType", "application/json"),
    ] {
        steps.push(step(feature, true, async move {
            let contents = wire(client.read_resource(read(json!({ "uri": uri }))).await.map_err(words)?);
            equal(&contents["contents"][0][field], expected)
        }));
    }
    for (feature, name, arguments, pointer, expected) in [
        ("prompts, get", "test_simple_prompt", json!({}), "/text", "Say something."),
        (
            "prompts, arguments",
            "test_prompt_with_arguments",
            json!({ "arg1": "tea", "arg2": "coffee" }),
            "/text",
            "Compare 'tea' with 'coffee'.",
        ),
        ("prompts, image", "test_prompt_with_image", json!({}), "/mimeType", "image/png"),
        (
            "prompts, embedded resource",
            "test_prompt_with_embedded_resource",
            json!({ "resourceUri": "test://mine" }),
            "/resource/uri",
            "test://mine",
        ),
        ("prompts, question", "test_input_required_result_prompt", json!({}), "/text", "Tell me about Ada."),
    ] {
        steps.push(step(feature, true, async move {
            let params = json!({ "name": name, "arguments": arguments });
            let prompt = wire(client.get_prompt(read(params)).await.map_err(words)?);
            equal(prompt["messages"][0]["content"].pointer(pointer), expected)
        }));
    }
    for (feature, name, arguments, begins) in [
        ("sampling", "test_sampling", json!({ "prompt": "Who?" }), "a-model says: I heard: Who?"),
        (
            "roots",
            "test_input_required_result_list_roots",
            json!({}),
            "2 roots: file:///home/ada, file:///srv",
        ),
        ("elicitation", "test_elicitation", json!({ "message": "Hi" }), "Ada can be reached at Ada"),
        ("elicitation, defaults", "test_elicitation_sep1034_defaults", json!({}), "accept: {"),
        ("elicitation, choices", "test_elicitation_sep1330_enums", json!({}), "accept: {"),
        ("elicitation, formats", "test_elicitation_formats", json!({}), "accept: {"),
        ("elicitation, at a page", "test_elicitation_url", json!({}), "The user said: accept"),
        ("elicitation, after progress", "test_streaming_elicitation", json!({}), "Confirmed"),
        ("elicitation, twice", "test_input_required_result_multi_round", json!({}), "Ada likes Ada"),
        ("elicitation, done once", "book_table", json!({}), "Table "),
        (
            "three questions at once",
            "test_input_required_result_multiple_inputs",
            json!({}),
            "I heard: Invent a greeting Ada has 2 roots",
        ),
    ] {
        steps.push(step(feature, true, async move {
            let before = *user.asked.lock().unwrap();
            let answer = texts(&call(client, name, arguments).await.map_err(words)?);
            check(answer.starts_with(begins), answer)?;
            check(*user.asked.lock().unwrap() > before, "no question came")
        }));
    }
    if let Some(tasked) = tasked {
        for (feature, name, arguments, expected) in [
            (
                "tasks, result",
                "slow_compute",
                json!({ "seconds": 1, "label": "one" }),
                "one: computed for 1 s",
            ),
            ("tasks, question", "confirm_delete", json!({ "filename": "a.txt" }), "a.txt is deleted"),
        ] {
            steps.push(step(feature, true, async move {
                equal(texts(&follow(tasked, name, arguments).await?), expected)
            }));
        }
        steps.push(step("tasks, cancel", true, async move {
            let params = json!({ "name": "slow_compute", "arguments": { "seconds": 30 } });
            let made = tasked.call_tool_once(read(params)).await.map_err(words)?;
            let CallToolResponse::Task(made) = made else { return Err("no task was made".into()) };
            let named = json!({ "taskId": made.task.task_id });
            tasked.cancel_task(read(named.clone())).await.map_err(words)?;
            equal(&wire(tasked.get_task(read(named)).await.map_err(words)?)["status"], "cancelled")
        }));
    }
    steps
}

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [era, transport, target] = arguments.as_slice() else {
        eprintln!("tour ERA TRANSPORT TARGET");
        exit(2);
    };
    let modern = era.as_str() >= "2026-07-28";
    let mut failed = false;
    let mut report = |feature: &str, outcome: Outcome| {
        failed |= outcome.is_err();
        let said = match outcome {
            Ok(()) => "ok".into(),
            Err(error) => format!("failed: {}", error.split_whitespace().collect::<Vec<_>>().join(" ")),
        };
        println!("{:10}  {era}  {transport:5}  {feature:34}  {said}", "rmcp 3");
    };
    let user = User { era: era.clone(), tasks: false, heard: Arc::default(), asked: Arc::default() };
    let client = match connect(&user, transport, target).await {
        Ok(client) => client,
        Err(error) => {
            report("connect", Err(error));
            exit(1);
        }
    };
    let info = wire(client.peer_info().as_deref());
    report("connect", equal((&info["protocolVersion"], &info["serverInfo"]["name"]), (era, "everything")));
    let tasked = if modern {
        connect(&User { tasks: true, ..user.clone() }, transport, target).await.ok()
    } else {
        None
    };
    for (feature, there, walk) in tour(&client, tasked.as_ref(), modern, transport == "http") {
        if there {
            let outcome = timeout(Duration::from_secs(15), walk).await;
            report(feature, outcome.unwrap_or_else(|_| Err("it took over 15 s".into())));
        }
    }
    if let Some(tasked) = tasked {
        let _ = tasked.cancel().await;
    }
    report("close", client.cancel().await.map(drop).map_err(words));
    exit(i32::from(failed));
}
