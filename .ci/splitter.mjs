// An HTTP proxy that is as unfair to a cluster as a load balancer can be: every request goes over a new connection to the
// next node in turn, whatever session it belongs to. Bodies are streamed both ways, and whoever hangs up is followed.
//
// usage: node splitter.mjs URL...      the nodes' endpoints; all have the same path
//
// The first line says where it is reached. SIGTERM or Ctrl-C ends it, and it says how many requests each node got.
import http from 'node:http';

const nodes = process.argv.slice(2).map((url) => ({ url: new URL(url), requests: 0, broken: 0 }));
if (nodes.length === 0) {
    console.error('usage: node splitter.mjs URL...');
    process.exit(2);
}

// What belongs to a connection is not passed on. Everything else is, in its order, `Host` as well: a node must see what its
// client believes to speak to.
const OF_A_CONNECTION = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade']);
const passedOn = (raw) => {
    const kept = [];
    for (let at = 0; at < raw.length; at += 2) {
        if (!OF_A_CONNECTION.has(raw[at].toLowerCase())) kept.push(raw[at], raw[at + 1]);
    }
    return kept;
};

let turn = 0;
const server = http.createServer((request, response) => {
    const node = nodes[turn++ % nodes.length];
    node.requests += 1;
    const headers = passedOn(request.rawHeaders);
    if (request.headers['transfer-encoding']) headers.push('Transfer-Encoding', 'chunked');
    headers.push('Connection', 'close');
    const onward = http.request({
        host: node.url.hostname,
        port: node.url.port,
        method: request.method,
        path: request.url,
        headers,
        setHost: false,
        // One of its own, which is closed behind the answer.
        agent: false,
    });
    onward.setNoDelay(true);
    onward.on('response', (answer) => {
        response.writeHead(answer.statusCode, answer.statusMessage, passedOn(answer.rawHeaders));
        response.flushHeaders();
        answer.pipe(response);
        // An answer that ends too early must not look as if it were whole.
        answer.on('close', () => {
            if (!answer.complete) response.destroy();
        });
    });
    onward.on('error', (error) => {
        if (response.destroyed) return;
        node.broken += 1;
        console.error(`${request.method} ${request.url} at ${node.url.host}: ${error.message}`);
        if (response.headersSent) response.destroy();
        else response.writeHead(502).end();
    });
    response.on('close', () => {
        if (!response.writableFinished) onward.destroy();
    });
    request.pipe(onward);
});
// Streams stay open for as long as somebody reads them.
server.timeout = 0;
server.requestTimeout = 0;
server.keepAliveTimeout = 60_000;
server.on('connection', (socket) => socket.setNoDelay(true));
server.listen(0, '127.0.0.1', () => {
    console.log(`http://127.0.0.1:${server.address().port}${nodes[0].url.pathname}`);
});

const end = () => {
    for (const node of nodes) {
        const broken = node.broken > 0 ? `, ${node.broken} of them broke` : '';
        console.log(`${node.url.host}: ${node.requests} requests${broken}`);
    }
    process.exit(0);
};
process.on('SIGTERM', end);
process.on('SIGINT', end);
