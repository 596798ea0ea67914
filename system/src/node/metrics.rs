//! What a node counts. One registry per node: a hundred simulated nodes do not share a counter.

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// The counters of a node, and the registry that prints them.
pub(crate) struct Metrics {
    registry: Registry,
    /// Connections open now.
    pub(crate) connections: Gauge,
    /// Connections turned away because the node was full.
    pub(crate) connections_shed: Counter,
    /// Messages read, of whatever kind.
    pub(crate) messages: Counter,
    /// Messages that were refused before they reached anybody.
    pub(crate) messages_refused: Counter,
    /// Calls begun, those that the node itself answers over the state of tasks included. Numbers them, too.
    pub(crate) calls: Counter,
    /// Calls that ended with an answer of the handler.
    pub(crate) calls_answered: Counter,
    /// Calls that ended with an error.
    pub(crate) calls_failed: Counter,
    /// Calls that were cancelled or ran out of time.
    pub(crate) calls_cancelled: Counter,
    /// Sessions open now.
    pub(crate) sessions: Gauge,
    /// Sessions opened.
    pub(crate) sessions_opened: Counter,
    /// Event streams open now.
    pub(crate) streams: Gauge,
    /// Tasks that this node carries out now.
    pub(crate) tasks_running: Gauge,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("switchboard");
        let gauge = |registry: &mut Registry, name: &str, help: &str| {
            let gauge = Gauge::default();
            registry.register(name, help, gauge.clone());
            gauge
        };
        let counter = |registry: &mut Registry, name: &str, help: &str| {
            let counter = Counter::default();
            registry.register(name, help, counter.clone());
            counter
        };
        let r = &mut registry;
        Self {
            connections: gauge(r, "connections", "Connections open now"),
            connections_shed: counter(
                r,
                "connections_shed",
                "Connections turned away because the node was full",
            ),
            messages: counter(r, "messages", "Messages read"),
            messages_refused: counter(r, "messages_refused", "Messages refused before they reached anybody"),
            calls: counter(r, "calls", "Calls begun"),
            calls_answered: counter(r, "calls_answered", "Calls that ended with an answer"),
            calls_failed: counter(r, "calls_failed", "Calls that ended with an error"),
            calls_cancelled: counter(r, "calls_cancelled", "Calls that were cancelled or ran out of time"),
            sessions: gauge(r, "sessions", "Sessions open now"),
            sessions_opened: counter(r, "sessions_opened", "Sessions opened"),
            streams: gauge(r, "streams", "Event streams open now"),
            tasks_running: gauge(r, "tasks_running", "Tasks that this node carries out now"),
            registry,
        }
    }

    /// All of them in Prometheus' text form.
    pub(crate) fn print(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("a string must take text");
        text
    }
}

/// One more of something, as long as it lives.
pub(super) struct Counted<'a>(&'a Gauge);

impl<'a> Counted<'a> {
    pub(super) fn new(gauge: &'a Gauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}
