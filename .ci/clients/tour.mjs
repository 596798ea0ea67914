// A tour of the example server `everything` with an official TypeScript client, of any release.
//
//   node tour.mjs PACKAGE ERA TRANSPORT TARGET
//
// PACKAGE is the folder name under node_modules, ERA the protocol revision that the client must end up with, TRANSPORT one
// of http, sse and stdio, TARGET a URL, or the server's binary for stdio. Prints one line per step.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const [name, era, transportName, target] = process.argv.slice(2);
const home = new URL(`./node_modules/${name}/`, `file://${process.cwd()}/`);
const release = JSON.parse(readFileSync(new URL('package.json', home), 'utf8')).version;
const [major, minor] = release.split('.').map(Number);
const isV2 = major === 2;
const isModern = era >= '2026-07-28';
const overHttp = transportName === 'http';
const has = {
  audio: era >= '2025-03-26',
  elicitation: era >= '2025-06-18',
  links: era >= '2025-06-18',
  structured: era >= '2025-06-18',
  titles: era >= '2025-06-18',
  defaults: era >= '2025-11-25',
  urls: era >= '2025-11-25',
  tasks: era === '2025-11-25' && !isV2,
  resumption: overHttp && !isModern,
  resumesByItself: isV2 || minor >= 24,
};

// What differs between the releases: where things are, and by what handlers are registered.
const load = file => import(new URL(file, home));
const sdk = isV2
  ? { ...(await load('dist/index.mjs')), ...(await load('dist/stdio.mjs')) }
  : Object.assign({}, ...(await Promise.all(
      ['client/index.js', 'client/stdio.js', 'client/sse.js', 'types.js']
        .concat(era >= '2025-03-26' ? ['client/streamableHttp.js'] : [])
        .map(file => load(`dist/esm/${file}`)),
    )));
const schemas = isV2 ? {} : {
  'sampling/createMessage': sdk.CreateMessageRequestSchema,
  'elicitation/create': sdk.ElicitRequestSchema,
  'roots/list': sdk.ListRootsRequestSchema,
  'notifications/message': sdk.LoggingMessageNotificationSchema,
  'notifications/resources/updated': sdk.ResourceUpdatedNotificationSchema,
  'notifications/tools/list_changed': sdk.ToolListChangedNotificationSchema,
  'notifications/prompts/list_changed': sdk.PromptListChangedNotificationSchema,
  'notifications/resources/list_changed': sdk.ResourceListChangedNotificationSchema,
};

let passed = 0;
let failed = 0;
function report(feature, error) {
  const words = error ? `failed: ${String(error.message ?? error).replace(/\s+/g, ' ').slice(0, 400)}` : 'ok';
  console.log([`ts ${release}`.padEnd(10), era, transportName.padEnd(5), feature.padEnd(34), words].join('  '));
  error ? (failed += 1) : (passed += 1);
}

async function within(ms, promise, what) {
  const timer = new AbortController();
  const late = sleep(ms, undefined, { signal: timer.signal }).then(() => assert.fail(`${what} took over ${ms} ms`));
  late.catch(() => {});
  try {
    return await Promise.race([promise, late]);
  } finally {
    timer.abort();
  }
}

async function until(ms, condition, what) {
  const end = Date.now() + ms;
  while (!condition()) {
    assert(Date.now() < end, `no ${what} within ${ms} ms`);
    await sleep(20);
  }
}

async function rejects(promise, ...patterns) {
  const error = await promise.then(() => assert.fail('this was to be refused'), error => error);
  for (const pattern of patterns) assert.match(`${error?.code} ${error?.message ?? error}`, pattern);
}

// ---- the client, with somebody who answers whatever it is asked

const heard = { 'notifications/message': [], 'notifications/resources/updated': [] };
const asked = [];
const stray = [];

function fill({ properties }) {
  const byFormat = {
    email: 'ada@example.com', uri: 'https://example.com/', date: '2026-07-28', 'date-time': '2026-07-28T12:00:00Z',
  };
  const value = field => {
    if (field.type === 'boolean') return true;
    if (field.type === 'array') return [(field.items.enum ?? field.items.anyOf.map(choice => choice.const))[0]];
    if (field.type !== 'string') return field.default ?? field.minimum ?? 1;
    return field.default ?? field.enum?.[0] ?? field.oneOf?.[0].const ?? byFormat[field.format] ?? 'Ada';
  };
  return Object.fromEntries(Object.entries(properties).map(([key, field]) => [key, value(field)]));
}

const answers = {
  'sampling/createMessage': ({ params }) => {
    asked.push('sampling');
    const text = `I heard: ${[params.messages[0].content].flat()[0].text}`;
    return { model: 'a-model', role: 'assistant', stopReason: 'endTurn', content: { type: 'text', text } };
  },
  'elicitation/create': ({ params }) => {
    asked.push(params.mode === 'url' ? 'url' : 'form');
    return params.mode === 'url' ? { action: 'accept' } : { action: 'accept', content: fill(params.requestedSchema) };
  },
  'roots/list': () => {
    asked.push('roots');
    return { roots: [{ uri: 'file:///home/ada', name: 'home' }, { uri: 'file:///srv', name: 'srv' }] };
  },
};

function newClient() {
  const capabilities = { sampling: {}, roots: { listChanged: true } };
  if (has.elicitation) capabilities.elicitation = has.urls ? { form: {}, url: {} } : {};
  const versions = isModern
    ? { versionNegotiation: { mode: 'auto' } }
    : { supportedProtocolVersions: [era] };
  const client = new sdk.Client({ name: 'tour', version: '1.0.0' }, { capabilities, ...(isV2 ? versions : {}) });
  for (const [method, answer] of Object.entries(answers)) {
    if (method === 'elicitation/create' && !has.elicitation) continue;
    client.setRequestHandler(isV2 ? method : schemas[method], answer);
  }
  for (const method of [
    'notifications/message', 'notifications/resources/updated', 'notifications/tools/list_changed',
    'notifications/prompts/list_changed', 'notifications/resources/list_changed',
  ]) {
    heard[method] ??= [];
    client.setNotificationHandler(isV2 ? method : schemas[method], message => void heard[method].push(message.params));
  }
  client.onerror = error => stray.push(error);
  return client;
}

// Breaks the body of the next answered stream, once its first event with an id is through.
let breakNext = false;
const resumed = [];
const { fetch } = globalThis;
globalThis.fetch = async (url, init) => {
  const lastId = new Headers(init?.headers).get('last-event-id');
  if (lastId) resumed.push(lastId);
  const response = await fetch(url, init);
  const isStream = response.headers.get('content-type')?.includes('text/event-stream');
  if (!breakNext || init?.method !== 'POST' || !isStream) return response;
  breakNext = false;
  const cut = new TransformStream({
    transform(chunk, controller) {
      controller.enqueue(chunk);
      if (/^id:/m.test(new TextDecoder().decode(chunk))) controller.error(new Error('the line was cut'));
    },
  });
  return new Response(response.body.pipeThrough(cut), { status: response.status, headers: response.headers });
};

function newTransport() {
  if (transportName === 'stdio') return new sdk.StdioClientTransport({ command: target, args: ['--stdio'] });
  if (transportName === 'sse') return new sdk.SSEClientTransport(new URL(target.replace(/\/mcp$/, '/sse')));
  return new sdk.StreamableHTTPClientTransport(new URL(target));
}

const client = newClient();
const transport = newTransport();
const call = (tool, args = {}, options = undefined) => isV2
  ? client.callTool({ name: tool, arguments: args }, options)
  : client.callTool({ name: tool, arguments: args }, sdk.CallToolResultSchema, options);
const first = result => result.content[0];
const texts = result => result.content.map(item => item.text).join('');
const isBase64 = (data, begin) => assert(Buffer.from(data, 'base64').toString('latin1').includes(begin));

async function all(list, key) {
  const found = [];
  let cursor;
  do {
    const page = await client[list](cursor ? { cursor } : {});
    found.push(...page[key]);
    cursor = page.nextCursor;
  } while (cursor);
  return found;
}

async function toggles(tool, kind, check) {
  const method = `notifications/${kind}/list_changed`;
  for (const there of [true, false]) {
    const before = heard[method].length;
    assert.equal(texts(await call(tool, { there })), there ? 'Here' : 'Gone');
    await until(3_000, () => heard[method].length > before, method);
    assert.equal(await check(), there);
  }
}

// ---- the tour: feature, whether this client and era have it, what to do

const tools = [
  ['text', 'test_simple_text', {}, result => assert.equal(texts(result), 'This is a simple text.')],
  ['image', 'test_image_content', {}, result => {
    assert.equal(first(result).mimeType, 'image/png');
    isBase64(first(result).data, 'PNG');
  }],
  ['audio', 'test_audio_content', {}, result => {
    if (!has.audio) return isBase64(first(result).resource.blob, 'WAVE');
    assert.equal(first(result).mimeType, 'audio/wav');
    isBase64(first(result).data, 'WAVE');
  }],
  ['embedded resource', 'test_embedded_resource', {}, result =>
    assert.equal(first(result).resource.text, 'A resource in full.')],
  ['resource link', 'test_resource_link', {}, result =>
    assert.equal(first(result).type, has.links ? 'resource_link' : 'text')],
  ['mixed', 'test_multiple_content_types', {}, result =>
    assert.deepEqual(result.content.map(item => item.type), ['text', 'image', 'resource'])],
  ['arguments', 'greet', { name: 'Ada' }, result => assert.equal(texts(result), 'Hello, Ada!')],
  ['structured output', 'add', { a: 20, b: 22 }, result => {
    if (has.structured) assert.deepEqual(result.structuredContent, { sum: 42 });
    assert.deepEqual(JSON.parse(texts(result)), { sum: 42 });
  }],
  ['error', 'test_error_handling', {}, result => {
    assert.equal(result.isError, true);
    assert.equal(texts(result), 'This tool fails whenever it is called');
  }],
  ['on a thread', 'count_primes', { below: 1000 }, result => assert.equal(texts(result), '168')],
  ['argument in a header', 'query_region', { region: 'Zürich', query: 'x' }, result =>
    assert.match(texts(result), /^Zürich knows/)],
];

const questions = [
  ['sampling', true, 'test_sampling', { prompt: 'Who?' }, /^a-model says: I heard: Who\?$/],
  ['roots', true, 'test_input_required_result_list_roots', {}, /^2 roots: file:\/\/\/home\/ada, file:\/\/\/srv$/],
  ['elicitation', has.elicitation, 'test_elicitation', { message: 'Hi' }, /^Ada can be reached at /],
  ['elicitation, none to ask', !has.elicitation, 'test_input_required_result_capabilities', {}, /^I heard: Invent/],
  ['elicitation, defaults', has.defaults, 'test_elicitation_sep1034_defaults', {}, /^accept: .*John Doe/],
  ['elicitation, choices', has.elicitation, 'test_elicitation_sep1330_enums', {}, /^accept: .*opt1/],
  ['elicitation, formats', has.elicitation, 'test_elicitation_formats', {}, /^accept: .*ada@example\.com/],
  ['elicitation, at a page', has.urls, 'test_elicitation_url', {}, /^The user said: accept$/],
  ['elicitation, after progress', has.elicitation, 'test_streaming_elicitation', {}, /^Confirmed/],
  ['elicitation, twice', has.elicitation, 'test_input_required_result_multi_round', {}, /^Ada likes Ada$/],
  ['elicitation, done once', has.elicitation, 'book_table', {}, /^Table \d+ is yours$/],
  ['three questions at once', has.elicitation, 'test_input_required_result_multiple_inputs', {},
    /^I heard: Invent a greeting Ada has 2 roots$/],
];

const steps = [
  ['connect', true, async () => {
    await client.connect(transport);
    assert.equal(client.getServerVersion().name, 'everything');
    assert.equal(client.getInstructions(), 'Call any tool: none of them does harm.');
    const agreed = isV2 ? client.getNegotiatedProtocolVersion() : transport.protocolVersion ?? transport._protocolVersion;
    if (agreed) assert.equal(agreed, era);
    const capabilities = client.getServerCapabilities();
    for (const each of ['tools', 'resources', 'prompts']) assert(capabilities[each], each);
    if (!isModern && overHttp) assert(transport.sessionId, 'a session');
  }],
  ['ping', !isModern, () => client.ping()],
  ['tools, list', true, async () => {
    const list = await all('listTools', 'tools');
    const greet = list.find(tool => tool.name === 'greet');
    assert.equal(greet.inputSchema.properties.name.type, 'string');
    if (has.titles) assert.equal(greet.title, 'Greet');
    if (era >= '2025-03-26') assert.equal(greet.annotations.readOnlyHint, true);
    if (has.structured) assert(list.find(tool => tool.name === 'add').outputSchema);
  }],
  ...tools.map(([feature, tool, args, check]) =>
    [`tools, ${feature}`, true, async () => check(await call(tool, args))]),
  ['tools, unknown', true, () => rejects(call('no_such_tool'), /-32602/)],
  ['tools, bad arguments', true, async () => {
    const outcome = await call('greet', { name: 7 }).then(result => result.isError, error => error.code === -32602);
    assert.equal(outcome, true);
  }],
  ['tools, many at once', true, async () => {
    const sums = await Promise.all(Array.from({ length: 20 }, (_, n) => call('add', { a: n, b: 1 })));
    assert.deepEqual(sums.map(sum => JSON.parse(texts(sum)).sum), Array.from({ length: 20 }, (_, n) => n + 1));
  }],
  ['progress', true, async () => {
    const told = [];
    const result = await call('test_tool_with_progress', {}, { onprogress: step => told.push(step.progress) });
    assert.equal(texts(result), 'Done');
    assert.deepEqual(told, [0, 50, 100]);
  }],
  ['logging', true, async () => {
    const log = heard['notifications/message'];
    const params = { name: 'test_logging_tool', arguments: {} };
    if (isModern) params._meta = { 'io.modelcontextprotocol/logLevel': 'info' };
    else await client.setLoggingLevel('info');
    assert.equal(texts(await client.callTool(params)), 'Logged');
    await until(1_000, () => log.length >= 3, 'three log messages');
    assert.deepEqual(log.map(({ level, logger, data }) => [level, logger, data]),
      ['started', 'half way', 'finished'].map(step => ['info', 'tools', step]));
    if (!isModern) await client.setLoggingLevel('error');
    await call('test_logging_tool');
    assert.equal(log.length, 3, 'messages below the level');
  }],
  ['resources, list', true, async () => {
    const uris = (await all('listResources', 'resources')).map(resource => resource.uri);
    for (const uri of ['test://static-text', 'test://static-binary', 'test://watched-resource']) assert(uris.includes(uri));
  }],
  ['resources, templates', true, async () => {
    const [template] = await all('listResourceTemplates', 'resourceTemplates');
    assert.equal(template.uriTemplate, 'test://template/{id}/data');
  }],
  ['resources, read text', true, async () => {
    const { contents } = await client.readResource({ uri: 'test://static-text' });
    assert.equal(contents[0].text, 'A text that never changes.');
  }],
  ['resources, read blob', true, async () => {
    const { contents } = await client.readResource({ uri: 'test://static-binary' });
    assert.equal(contents[0].mimeType, 'image/png');
    isBase64(contents[0].blob, 'PNG');
  }],
  ['resources, read by template', true, async () => {
    const { contents } = await client.readResource({ uri: 'test://template/a%20b/data' });
    assert.equal(contents[0].mimeType, 'application/json');
    assert.equal(JSON.parse(contents[0].text).templateTest, true);
  }],
  ['resources, unknown', true, () =>
    rejects(client.readResource({ uri: 'test://nowhere' }), isV2 || isModern ? /-32602/ : /-32002/)],
  ['resources, subscribe', true, async () => {
    const updates = heard['notifications/resources/updated'];
    const uri = 'test://watched-resource';
    const listening = isModern
      ? await client.listen({ resourceSubscriptions: [uri] })
      : await client.subscribeResource({ uri });
    await until(7_000, () => updates.length > 0, 'update');
    assert.equal(updates[0].uri, uri);
    await (isModern ? listening.close() : client.unsubscribeResource({ uri }));
  }],
  ['prompts, list', true, async () => {
    const prompts = await all('listPrompts', 'prompts');
    const { arguments: args } = prompts.find(prompt => prompt.name === 'test_prompt_with_arguments');
    assert.deepEqual(args.map(({ name, required }) => [name, required]), [['arg1', true], ['arg2', true]]);
  }],
  ['prompts, get', true, async () => {
    const { messages } = await client.getPrompt({ name: 'test_simple_prompt' });
    assert.equal(messages[0].content.text, 'Say something.');
  }],
  ['prompts, arguments', true, async () => {
    const { messages } = await client.getPrompt({
      name: 'test_prompt_with_arguments', arguments: { arg1: 'tea', arg2: 'coffee' },
    });
    assert.equal(messages[0].content.text, "Compare 'tea' with 'coffee'.");
  }],
  ['prompts, image', true, async () => {
    const { messages } = await client.getPrompt({ name: 'test_prompt_with_image' });
    assert.equal(messages[0].content.type, 'image');
  }],
  ['prompts, embedded resource', true, async () => {
    const { messages } = await client.getPrompt({
      name: 'test_prompt_with_embedded_resource', arguments: { resourceUri: 'test://mine' },
    });
    assert.equal(messages[0].content.resource.uri, 'test://mine');
  }],
  ['prompts, missing argument', true, () =>
    rejects(client.getPrompt({ name: 'test_prompt_with_arguments', arguments: { arg1: 'tea' } }), /-32602/)],
  ['prompts, question', has.elicitation, async () => {
    const { messages } = await client.getPrompt({ name: 'test_input_required_result_prompt' });
    assert.equal(messages[0].content.text, 'Tell me about Ada.');
  }],
  ['completion, prompt', true, async () => {
    const { completion } = await client.complete({
      ref: { type: 'ref/prompt', name: 'test_prompt_with_arguments' }, argument: { name: 'arg1', value: 'par' },
    });
    assert.deepEqual(completion.values, ['paris', 'park', 'party']);
  }],
  ['completion, template', true, async () => {
    const { completion } = await client.complete({
      ref: { type: 'ref/resource', uri: 'test://template/{id}/data' }, argument: { name: 'id', value: '4' },
    });
    assert.equal(completion.values.length, 11);
  }],
  ...questions.map(([feature, there, tool, args, pattern]) => [feature, there, async () => {
    const before = asked.length;
    assert.match(texts(await call(tool, args)), pattern);
    assert(asked.length > before, 'no question came');
  }]),
  ['roots, changed', !isModern, () => client.sendRootsListChanged()],
  ['cancellation', true, async () => {
    const stop = new AbortController();
    const began = Date.now();
    const slow = call('slow_compute', { seconds: 30 }, { signal: stop.signal });
    setTimeout(() => stop.abort('enough'), 300);
    await rejects(within(3_000, slow, 'cancelling'), /enough|abort/i);
    assert(Date.now() - began < 2_000);
    assert.equal(texts(await call('greet', { name: 'again' })), 'Hello, again!');
  }],
  ['list changes', true, async () => {
    const filter = { toolsListChanged: true, promptsListChanged: true, resourcesListChanged: true };
    const listening = isModern ? await client.listen(filter) : undefined;
    await toggles('test_trigger_tool_change', 'tools', async () =>
      (await all('listTools', 'tools')).some(tool => tool.name === 'passing_tool'));
    await toggles('test_trigger_prompt_change', 'prompts', async () =>
      (await all('listPrompts', 'prompts')).some(prompt => prompt.name === 'passing_prompt'));
    await toggles('test_trigger_resource_change', 'resources', async () =>
      (await all('listResources', 'resources')).some(resource => resource.uri === 'test://passing'));
    await listening?.close();
  }],
  ['tasks, result', has.tasks, async () => {
    const seen = [];
    const params = { name: 'slow_compute', arguments: { seconds: 1, label: 'one' } };
    for await (const message of client.experimental.tasks.callToolStream(params, sdk.CallToolResultSchema, { task: { ttl: 60_000 } })) {
      if (message.type === 'error') throw message.error;
      seen.push(message.type);
      if (message.type === 'result') assert.equal(texts(message.result), 'one: computed for 1 s');
    }
    assert.equal(seen[0], 'taskCreated');
    assert.equal(seen.at(-1), 'result');
  }],
  ['tasks, question', has.tasks, async () => {
    const params = { name: 'confirm_delete', arguments: { filename: 'a.txt' } };
    for await (const message of client.experimental.tasks.callToolStream(params, sdk.CallToolResultSchema, { task: { ttl: 60_000 } })) {
      if (message.type === 'error') throw message.error;
      if (message.type === 'result') assert.equal(texts(message.result), 'a.txt is deleted');
    }
  }],
  ['tasks, list and cancel', has.tasks, async () => {
    const params = { name: 'slow_compute', arguments: { seconds: 30 } };
    const stream = client.experimental.tasks.callToolStream(params, sdk.CallToolResultSchema, { task: { ttl: 60_000 } });
    const { value } = await stream.next();
    const id = value.task.taskId;
    assert((await client.experimental.tasks.listTasks()).tasks.some(task => task.taskId === id));
    assert.equal((await client.experimental.tasks.getTask(id)).status, 'working');
    assert.equal((await client.experimental.tasks.cancelTask(id)).status, 'cancelled');
    await stream.return();
  }],
  ['resumption, closed by the server', has.resumption && era === '2025-11-25', async () => {
    const before = resumed.length;
    assert.equal(texts(await within(8_000, call('test_reconnection'), 'coming back')), 'You came back');
    assert(resumed.length > before, 'no Last-Event-ID was sent');
  }],
  ['resumption, of a cut line', has.resumption && has.resumesByItself, async () => {
    const before = resumed.length;
    breakNext = true;
    const told = [];
    const options = { onprogress: step => told.push(step.progress) };
    assert.equal(texts(await within(8_000, call('test_tool_with_progress', {}, options), 'resuming')), 'Done');
    assert(!breakNext && resumed.length > before, 'no Last-Event-ID was sent');
    assert.deepEqual(told, [0, 50, 100]);
  }],
  ['resumption, as the caller asks', has.resumption && !isV2, async () => {
    breakNext = true;
    let token;
    const stop = new AbortController();
    const options = { onprogress: () => {}, onresumptiontoken: next => (token ??= next), signal: stop.signal };
    const lost = call('test_tool_with_progress', {}, options);
    lost.catch(() => {});
    await until(3_000, () => token && !breakNext, 'event with an id');
    assert.equal(texts(await call('test_tool_with_progress', {}, { resumptionToken: token })), 'Done');
    stop.abort('enough');
  }],
  ['nothing the client wondered at', true, () => {
    // Over HTTP a cancelled request is still answered, lest its response hang; some clients report that.
    const known = /the line was cut|terminated|abort|enough|The request was cancelled/i;
    const unexpected = stray.map(error => String(error?.message ?? error)).filter(message => !known.test(message));
    assert.deepEqual(unexpected, []);
  }],
  ['delete', overHttp && !isModern, async () => {
    const headers = {
      'mcp-session-id': transport.sessionId, 'mcp-protocol-version': era,
      'content-type': 'application/json', accept: 'application/json, text/event-stream',
    };
    await transport.terminateSession();
    const after = await fetch(target, { method: 'POST', headers, body: '{"jsonrpc":"2.0","id":1,"method":"ping"}' });
    assert.equal(after.status, 404);
  }],
  ['close', true, () => within(5_000, client.close(), 'closing')],
];

for (const [feature, there, walk] of steps) {
  if (!there) continue;
  try {
    await within(15_000, Promise.resolve().then(walk), feature);
    report(feature);
  } catch (error) {
    report(feature, error);
    if (process.env.TRACE) console.error(error);
    if (feature === 'connect') break;
  }
}
process.exit(failed === 0 ? 0 : 1);
