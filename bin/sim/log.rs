//! What nodes say while they run, where `RUST_LOG` asks for it: on standard error, each line under the virtual time, the node and
//! the task that said it. All of it happens aside: to write is as real as can be, and openraft, say, reads the clock to put its
//! instants into words.

use std::fmt;
use std::io::{self, IsTerminal, Write};

use switchboard_sim::{aside, moment};
use tracing::{Event, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::{DefaultFields, Writer};
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Listens, if it is asked to.
pub(crate) fn listen() {
    if let Ok(filter) = EnvFilter::try_from_default_env() {
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_ansi(io::stderr().is_terminal())
            .with_timer(VirtualTime)
            .fmt_fields(Aside(DefaultFields::new()))
            .map_event_format(Aside)
            .with_writer(|| Aside(io::stderr()))
            .init();
    }
}

struct VirtualTime;

impl FormatTime for VirtualTime {
    fn format_time(&self, to: &mut Writer<'_>) -> fmt::Result {
        match moment() {
            Some(moment) => write!(to, "{moment}"),
            None => to.write_str("outside of the simulation"),
        }
    }
}

/// The same, with the traps off.
struct Aside<T>(T);

impl<S, N, F> FormatEvent<S, N> for Aside<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, at: &FmtContext<'_, S, N>, to: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        aside(|| self.0.format_event(at, to, event))
    }
}

impl<'a, F: FormatFields<'a>> FormatFields<'a> for Aside<F> {
    fn format_fields<R: RecordFields>(&self, to: Writer<'a>, fields: R) -> fmt::Result {
        aside(|| self.0.format_fields(to, fields))
    }
}

impl<W: Write> Write for Aside<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        aside(|| self.0.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        aside(|| self.0.flush())
    }
}
