"""A tour of the example server `everything` with the official Python client, release 1.x or 2.x.

    python tour.py ERA TRANSPORT TARGET

ERA is the protocol revision that the client must end up with, TRANSPORT one of http, sse and stdio, TARGET a URL, or the
server's binary for stdio. Prints one line per step.
"""

import base64
import json
import logging
import sys
import time
import warnings
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any, Literal

import anyio

era, transport, target = sys.argv[1:]
release = version("mcp")
v2 = release.startswith("2.")
modern = era >= "2026-07-28"
over_http = transport == "http"
warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)

from mcp import ClientSession, StdioServerParameters
from mcp.client.sse import sse_client
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.message import ClientMessageMetadata

if v2:
    import httpx2 as httpx
    import mcp_types as types
    from mcp import Client
    from mcp.client.extension import ClientExtension, ResultClaim
    from mcp.shared.exceptions import MCPError as Refusal
    from pydantic import TypeAdapter
else:
    import httpx
    import mcp.types as types
    from mcp.shared.exceptions import McpError as Refusal

AUDIO = era >= "2025-03-26"
ELICITS = LINKS = STRUCTURED = TITLES = era >= "2025-06-18"
URLS = DEFAULTS = era >= "2025-11-25"

Uri = str if v2 else __import__("pydantic").AnyUrl
counts = {"ok": 0, "failed": 0}


def report(feature, error=None):
    words = "ok" if error is None else f"failed: {type(error).__name__} {' '.join(str(error).split())[:400]}"
    counts["ok" if error is None else "failed"] += 1
    print(f"{f'py {release}':10}  {era}  {transport:5}  {feature:34}  {words}", flush=True)


def wire(value):
    """What came, by the names that the protocol gives it."""
    return value.model_dump(by_alias=True, mode="json", exclude_none=True)


def texts(result):
    return "".join(item["text"] for item in wire(result)["content"])


def check(condition, what="not so"):
    if not condition:
        raise AssertionError(what)


def equal(left, right):
    check(left == right, f"{left!r} is not {right!r}")


def holds(data, part):
    check(part in base64.b64decode(data), f"no {part!r} in it")


async def refused(code, call):
    try:
        await call
    except Refusal as refusal:
        return equal(refusal.error.code, code)
    raise AssertionError("this was to be refused")


async def until(seconds, condition, what):
    end = time.monotonic() + seconds
    while not condition():
        check(time.monotonic() < end, f"no {what} within {seconds} s")
        await anyio.sleep(0.02)


# ---- the client, with somebody who answers whatever it is asked

heard: dict[str, list[Any]] = {}
logged: list[tuple[str, str | None, Any]] = []
asked: list[str] = []
stray: list[Any] = []
headers_sent: list[Any] = []


def fill(schema):
    by_format = {"email": "ada@example.com", "uri": "https://example.com/", "date": "2026-07-28",
                 "date-time": "2026-07-28T12:00:00Z"}

    def value(field):
        if "default" in field:
            return field["default"]
        if field["type"] == "boolean":
            return True
        if field["type"] == "array":
            return [(field["items"].get("enum") or [choice["const"] for choice in field["items"]["anyOf"]])[0]]
        if field["type"] != "string":
            return field.get("minimum", 1)
        choices = field.get("enum") or [choice["const"] for choice in field.get("oneOf", [])]
        return choices[0] if choices else by_format.get(field.get("format"), "Ada")

    return {key: value(field) for key, field in schema["properties"].items()}


async def on_sampling(context, params):
    asked.append("sampling")
    content = wire(params)["messages"][0]["content"]
    text = (content[0] if isinstance(content, list) else content)["text"]
    return types.CreateMessageResult.model_validate({
        "role": "assistant", "model": "a-model", "stopReason": "endTurn",
        "content": {"type": "text", "text": f"I heard: {text}"},
    })


async def on_elicitation(context, params):
    params = wire(params)
    asked.append(params.get("mode", "form"))
    if params.get("mode") == "url":
        return types.ElicitResult(action="accept")
    return types.ElicitResult(action="accept", content=fill(params["requestedSchema"]))


async def on_roots(context):
    asked.append("roots")
    roots = [{"uri": "file:///home/ada", "name": "home"}, {"uri": "file:///srv", "name": "srv"}]
    return types.ListRootsResult.model_validate({"roots": roots})


async def on_log(params):
    logged.append((params.level, params.logger, params.data))


async def on_message(message):
    message = getattr(message, "root", message)
    if isinstance(message, Exception):
        stray.append(message)
    elif hasattr(message, "method"):
        heard.setdefault(message.method, []).append(message.params)


async def note_headers(request):
    headers_sent.append({**request.headers, "method": request.method})


@asynccontextmanager
async def streams():
    if transport == "stdio":
        opened = stdio_client(StdioServerParameters(command=target, args=["--stdio"]))
    elif transport == "sse":
        opened = sse_client(target.removesuffix("/mcp") + "/sse")
    else:
        http = httpx.AsyncClient(timeout=30, event_hooks={"request": [note_headers]})
        opened = streamable_http_client(target, http_client=http)
    async with opened as (read, write, *_):
        yield read, write


@asynccontextmanager
async def connected(**more):
    callbacks = dict(
        sampling_callback=on_sampling, list_roots_callback=on_roots, logging_callback=on_log,
        message_handler=on_message, elicitation_callback=on_elicitation,
    )
    if v2:
        mode = "auto" if modern else "legacy"
        async with Client(streams(), mode=mode, **callbacks, **more) as client:
            yield client
    else:
        async with streams() as (read, write), ClientSession(read, write, **callbacks) as session:
            session.hello = await session.initialize()
            yield session


# ---- the tour: each step is a coroutine function of the client

steps = []


def step(feature, there=True):
    def add(walk):
        if there:
            steps.append((feature, walk))
        return walk
    return add


async def every(listing, key):
    found, cursor = [], None
    while True:
        page = wire(await (listing(cursor=cursor) if cursor else listing()))
        found += page[key]
        if not (cursor := page.get("nextCursor")):
            return found


@step("connect")
async def _(client):
    if v2:
        equal(client.protocol_version, era)
        equal(client.server_info.name, "everything")
        equal(client.instructions, "Call any tool: none of them does harm.")
    else:
        equal(client.hello.protocolVersion, era)
        equal(client.hello.serverInfo.name, "everything")


@step("ping", not modern)
async def _(client):
    await client.send_ping()


@step("tools, list")
async def _(client):
    tools = {tool["name"]: tool for tool in await every(client.list_tools, "tools")}
    equal(tools["greet"]["inputSchema"]["properties"]["name"]["type"], "string")
    equal(tools["greet"].get("title"), "Greet" if TITLES else None)
    equal("outputSchema" in tools["add"], STRUCTURED)


def first(result):
    return wire(result)["content"][0]


TOOLS = [
    ("text", "test_simple_text", {}, lambda result: equal(texts(result), "This is a simple text.")),
    ("image", "test_image_content", {}, lambda result: holds(first(result)["data"], b"PNG")),
    ("audio", "test_audio_content", {}, lambda result: holds(
        first(result)["data"] if AUDIO else first(result)["resource"]["blob"], b"WAVE")),
    ("embedded resource", "test_embedded_resource", {}, lambda result: equal(
        first(result)["resource"]["text"], "A resource in full.")),
    ("resource link", "test_resource_link", {}, lambda result: equal(
        first(result)["type"], "resource_link" if LINKS else "text")),
    ("mixed", "test_multiple_content_types", {}, lambda result: equal(
        [item["type"] for item in wire(result)["content"]], ["text", "image", "resource"])),
    ("arguments", "greet", {"name": "Ada"}, lambda result: equal(texts(result), "Hello, Ada!")),
    ("structured output", "add", {"a": 20, "b": 22}, lambda result: equal(
        wire(result)["structuredContent"] if STRUCTURED else json.loads(texts(result)), {"sum": 42})),
    ("error", "test_error_handling", {}, lambda result: equal(
        (wire(result)["isError"], texts(result)), (True, "This tool fails whenever it is called"))),
    ("on a thread", "count_primes", {"below": 1000}, lambda result: equal(texts(result), "168")),
    ("argument in a header", "query_region", {"region": "Zürich"}, lambda result: check(
        texts(result).startswith("Zürich knows"), texts(result))),
]
for feature, name, arguments, inspect in TOOLS:
    @step(f"tools, {feature}")
    async def _(client, name=name, arguments=arguments, inspect=inspect):
        inspect(await client.call_tool(name, arguments))


@step("tools, unknown")
async def _(client):
    await refused(-32602, client.call_tool("no_such_tool", {}))


@step("tools, bad arguments")
async def _(client):
    try:
        check(wire(await client.call_tool("greet", {"name": 7}))["isError"])
    except Refusal as refusal:
        equal(refusal.error.code, -32602)


@step("tools, many at once")
async def _(client):
    sums = {}

    async def add(n):
        sums[n] = json.loads(texts(await client.call_tool("add", {"a": n, "b": 1})))["sum"]

    async with anyio.create_task_group() as group:
        for n in range(20):
            group.start_soon(add, n)
    equal(sums, {n: n + 1 for n in range(20)})


@step("progress")
async def _(client):
    told = []

    async def on_progress(progress, total, message):
        told.append(progress)

    equal(texts(await client.call_tool("test_tool_with_progress", {}, progress_callback=on_progress)), "Done")
    equal(told, [0, 50, 100])


@step("logging")
async def _(client):
    meta = {"io.modelcontextprotocol/logLevel": "info"} if modern else None
    if not modern:
        await client.set_logging_level("info")
    equal(texts(await client.call_tool("test_logging_tool", {}, meta=meta)), "Logged")
    await until(1, lambda: len(logged) >= 3, "three log messages")
    equal(logged, [("info", "tools", said) for said in ("started", "half way", "finished")])
    if not modern:
        await client.set_logging_level("error")
    await client.call_tool("test_logging_tool", {})
    equal(len(logged), 3)


@step("resources, list")
async def _(client):
    uris = {resource["uri"] for resource in await every(client.list_resources, "resources")}
    check({"test://static-text", "test://static-binary", "test://watched-resource"} <= uris, uris)


@step("resources, templates")
async def _(client):
    templates = await every(client.list_resource_templates, "resourceTemplates")
    equal(templates[0]["uriTemplate"], "test://template/{id}/data")


async def read(client, uri):
    return wire(await client.read_resource(Uri(uri)))["contents"][0]


@step("resources, read text")
async def _(client):
    equal((await read(client, "test://static-text"))["text"], "A text that never changes.")


@step("resources, read blob")
async def _(client):
    holds((await read(client, "test://static-binary"))["blob"], b"PNG")


@step("resources, read by template")
async def _(client):
    contents = await read(client, "test://template/7/data")
    equal((contents["mimeType"], json.loads(contents["text"])["id"]), ("application/json", "7"))


@step("resources, unknown")
async def _(client):
    await refused(-32602 if modern else -32002, client.read_resource(Uri("test://nowhere")))


@step("resources, subscribe")
async def _(client):
    uri = "test://watched-resource"
    if modern:
        async with client.listen(resource_subscriptions=[uri]) as subscription:
            async for event in subscription:
                return equal(event.uri, uri)
    await client.subscribe_resource(Uri(uri))
    updated = heard.setdefault("notifications/resources/updated", [])
    await until(7, lambda: updated, "update")
    equal(str(updated[0].uri), uri)
    await client.unsubscribe_resource(Uri(uri))


@step("prompts, list")
async def _(client):
    prompts = {prompt["name"]: prompt for prompt in await every(client.list_prompts, "prompts")}
    arguments = prompts["test_prompt_with_arguments"]["arguments"]
    equal([(each["name"], each["required"]) for each in arguments], [("arg1", True), ("arg2", True)])


PROMPTS = [
    ("get", "test_simple_prompt", None, lambda content: equal(content["text"], "Say something.")),
    ("arguments", "test_prompt_with_arguments", {"arg1": "tea", "arg2": "coffee"},
     lambda content: equal(content["text"], "Compare 'tea' with 'coffee'.")),
    ("image", "test_prompt_with_image", None, lambda content: holds(content["data"], b"PNG")),
    ("embedded resource", "test_prompt_with_embedded_resource", {"resourceUri": "test://mine"},
     lambda content: equal(content["resource"]["uri"], "test://mine")),
    *([("question", "test_input_required_result_prompt", None,
        lambda content: equal(content["text"], "Tell me about Ada."))] if ELICITS else []),
]
for feature, name, arguments, inspect in PROMPTS:
    @step(f"prompts, {feature}")
    async def _(client, name=name, arguments=arguments, inspect=inspect):
        inspect(wire(await client.get_prompt(name, arguments))["messages"][0]["content"])


@step("prompts, missing argument")
async def _(client):
    await refused(-32602, client.get_prompt("test_prompt_with_arguments", {"arg1": "tea"}))


@step("completion, prompt")
async def _(client):
    ref = types.PromptReference(type="ref/prompt", name="test_prompt_with_arguments")
    completed = wire(await client.complete(ref, {"name": "arg1", "value": "par"}))
    equal(completed["completion"]["values"], ["paris", "park", "party"])


@step("completion, template")
async def _(client):
    ref = types.ResourceTemplateReference(type="ref/resource", uri="test://template/{id}/data")
    completed = wire(await client.complete(ref, {"name": "id", "value": "4"}))
    equal(len(completed["completion"]["values"]), 11)


QUESTIONS = [
    ("sampling", True, "test_sampling", {"prompt": "Who?"}, "a-model says: I heard: Who?"),
    ("roots", True, "test_input_required_result_list_roots", {}, "2 roots: file:///home/ada, file:///srv"),
    ("elicitation", ELICITS, "test_elicitation", {"message": "Hi"}, "Ada can be reached at Ada"),
    ("elicitation, none to ask", not ELICITS, "test_input_required_result_capabilities", {}, "I heard: Invent"),
    ("elicitation, defaults", DEFAULTS, "test_elicitation_sep1034_defaults", {}, 'accept: {"name":"John Doe"'),
    ("elicitation, choices", ELICITS, "test_elicitation_sep1330_enums", {}, "accept: {"),
    ("elicitation, formats", ELICITS, "test_elicitation_formats", {}, 'accept: {"mail":"ada@example.com"'),
    ("elicitation, at a page", URLS, "test_elicitation_url", {}, "The user said: accept"),
    ("elicitation, after progress", ELICITS, "test_streaming_elicitation", {}, "Confirmed"),
    ("elicitation, twice", ELICITS, "test_input_required_result_multi_round", {}, "Ada likes Ada"),
    ("elicitation, done once", ELICITS, "book_table", {}, "Table "),
    ("three questions at once", ELICITS, "test_input_required_result_multiple_inputs", {},
     "I heard: Invent a greeting Ada has 2 roots"),
]
for feature, there, name, arguments, begins in QUESTIONS:
    @step(feature, there)
    async def _(client, name=name, arguments=arguments, begins=begins):
        before = len(asked)
        answer = texts(await client.call_tool(name, arguments))
        check(answer.startswith(begins), answer)
        check(len(asked) > before, "no question came")


@step("roots, changed", not modern)
async def _(client):
    await client.send_roots_list_changed()


@step("cancellation")
async def _(client):
    with anyio.move_on_after(0.3) as scope:
        await client.call_tool("slow_compute", {"seconds": 30})
    check(scope.cancelled_caught, "the call ended by itself")
    if not v2:
        # 1.x forgets the call without a word; say it.
        params = types.CancelledNotificationParams(requestId=client._request_id - 1, reason="enough")
        await client.send_notification(types.ClientNotification(types.CancelledNotification(params=params)))
    equal(texts(await client.call_tool("greet", {"name": "again"})), "Hello, again!")


CHANGES = [
    ("tool", "tools", lambda client: client.list_tools, lambda item: item["name"] == "passing_tool"),
    ("prompt", "prompts", lambda client: client.list_prompts, lambda item: item["name"] == "passing_prompt"),
    ("resource", "resources", lambda client: client.list_resources, lambda item: item["uri"] == "test://passing"),
]
for kind, key, listing, is_passing in CHANGES:
    @step(f"list changes, {key}")
    async def _(client, kind=kind, key=key, listing=listing, is_passing=is_passing):
        async def change(there, told):
            answer = await client.call_tool(f"test_trigger_{kind}_change", {"there": there})
            equal(texts(answer), "Here" if there else "Gone")
            await told()
            equal(any(map(is_passing, await every(listing(client), key))), there)

        if modern:
            async with client.listen(**{f"{key}_list_changed": True}) as subscription:
                events = aiter(subscription)
                for there in (True, False):
                    await change(there, lambda: anext(events))
            return
        method = f"notifications/{key}/list_changed"
        for there in (True, False):
            before = len(heard.setdefault(method, []))
            await change(there, lambda: until(3, lambda: len(heard[method]) > before, method))


@step("tasks, result", era == "2025-11-25" and not v2)
async def _(client):
    tasks = client.experimental
    made = await tasks.call_tool_as_task("slow_compute", {"seconds": 1, "label": "one"})
    equal(made.task.status, "working")
    result = await tasks.get_task_result(made.task.taskId, types.CallToolResult)
    equal(texts(result), "one: computed for 1 s")
    equal((await tasks.get_task(made.task.taskId)).status, "completed")


@step("tasks, question", era == "2025-11-25" and not v2)
async def _(client):
    made = await client.experimental.call_tool_as_task("confirm_delete", {"filename": "a.txt"})
    result = await client.experimental.get_task_result(made.task.taskId, types.CallToolResult)
    equal(texts(result), "a.txt is deleted")


@step("tasks, list and cancel", era == "2025-11-25" and not v2)
async def _(client):
    tasks = client.experimental
    made = await tasks.call_tool_as_task("slow_compute", {"seconds": 30})
    check(made.task.taskId in [task.taskId for task in (await tasks.list_tasks()).tasks])
    equal((await tasks.cancel_task(made.task.taskId)).status, "cancelled")
    told = heard.setdefault("notifications/tasks/status", [])
    await until(2, lambda: (made.task.taskId, "cancelled") in [(each.taskId, each.status) for each in told], "status")


if v2:
    class TaskMade(types.Result):
        result_type: Literal["task"] = "task"
        task_id: str
        status: str

    class AboutTask(types.Request[dict[str, Any], str]):
        name_param = "taskId"

    class Tasks(ClientExtension):
        """The extension for tasks, as a host would write it: ask until there is a result, answer what is asked."""

        identifier = "io.modelcontextprotocol/tasks"
        seen: list[str] = []

        def claims(self):
            return [ResultClaim(result_type="task", model=TaskMade, resolve=self.resolve)]

        async def ask(self, session, method, **params):
            return await session.send_request(AboutTask(method=method, params=params), TypeAdapter(dict[str, Any]))

        async def resolve(self, made, context):
            while True:
                task = await self.ask(context.session, "tasks/get", taskId=made.task_id)
                self.seen.append(task["status"])
                if task["status"] == "completed":
                    return types.CallToolResult.model_validate(task["result"])
                if task["status"] == "input_required":
                    answers = {key: {"action": "accept", "content": fill(request["params"]["requestedSchema"])}
                               for key, request in task["inputRequests"].items()}
                    await self.ask(context.session, "tasks/update", taskId=made.task_id, inputResponses=answers)
                await anyio.sleep(0.1)

    for feature, name, arguments, expected in [
        ("result", "slow_compute", {"seconds": 1, "label": "one"}, "one: computed for 1 s"),
        ("question", "confirm_delete", {"filename": "a.txt"}, "a.txt is deleted"),
    ]:
        @step(f"tasks, {feature}", modern)
        async def _(client, name=name, arguments=arguments, expected=expected):
            extension = Tasks()
            async with connected(extensions=[extension]) as tasked:
                equal(texts(await tasked.call_tool(name, arguments)), expected)
            check(extension.seen, "no task was made")

    @step("tasks, cancel", modern)
    async def _(client):
        extension = Tasks()
        async with connected(extensions=[extension]) as tasked:
            made = await tasked.session.call_tool("slow_compute", {"seconds": 30}, allow_claimed=True)
            await extension.ask(tasked.session, "tasks/cancel", taskId=made.task_id)
            equal((await extension.ask(tasked.session, "tasks/get", taskId=made.task_id))["status"], "cancelled")


def resumed():
    return [headers["last-event-id"] for headers in headers_sent if "last-event-id" in headers]


@step("resumption, closed by the server", over_http and era == "2025-11-25")
async def _(client):
    before = len(resumed())
    equal(texts(await client.call_tool("test_reconnection", {})), "You came back")
    check(len(resumed()) > before, "no Last-Event-ID was sent")


@step("resumption, as the caller asks", over_http and not modern)
async def _(client):
    tokens = []

    async def keep(token):
        tokens.append(token)

    async def call(**metadata):
        session = client.session if v2 else client
        request = types.CallToolRequest.model_validate(
            {"method": "tools/call", "params": {"name": "test_tool_with_progress", "arguments": {},
                                                "_meta": {"progressToken": "p"}}})
        request = request if v2 else types.ClientRequest(request)
        return await session.send_request(
            request, types.CallToolResult, metadata=ClientMessageMetadata(**metadata))

    async with anyio.create_task_group() as group:
        async def lose():
            await call(on_resumption_token_update=keep)

        group.start_soon(lose)
        await until(3, lambda: tokens, "event with an id")
        group.cancel_scope.cancel()
    equal(texts(await call(resumption_token=tokens[0])), "Done")


@step("nothing the client wondered at")
async def _(client):
    # Over HTTP a cancelled request is still answered, lest its response hang; 1.x reports that.
    equal([error for error in stray if "The request was cancelled" not in str(error)], [])


async def main():
    feature = "connect"
    try:
        with anyio.fail_after(100):
            async with connected() as client:
                for feature, walk in steps:
                    try:
                        with anyio.fail_after(15):
                            await walk(client)
                        report(feature)
                    except Exception as error:
                        report(feature, error)
                feature = "close"
        report("close")
    except BaseException as error:
        report(feature, error)
    if over_http and not modern and feature == "close":
        try:
            await deleted()
            report("delete")
        except Exception as error:
            report("delete", error)
    sys.exit(1 if counts["failed"] else 0)


async def deleted():
    """Closing ended the session: the server no longer knows it."""
    last = headers_sent[-1]
    equal(last["method"], "DELETE")
    headers = {"mcp-session-id": last["mcp-session-id"], "mcp-protocol-version": era,
               "content-type": "application/json", "accept": "application/json, text/event-stream"}
    async with httpx.AsyncClient() as http:
        answer = await http.post(target, headers=headers, content='{"jsonrpc":"2.0","id":1,"method":"ping"}')
    equal(answer.status_code, 404)


anyio.run(main)
