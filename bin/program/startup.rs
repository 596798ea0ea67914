//! What every server does before it serves: settings, logs, open files, threads; and how it says that it cannot.

use std::future::Future;
use std::io::{IsTerminal, stderr};
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;

use switchboard::node::{Config, StartError};
use switchboard_bin::config::{LogFormat, Overrides, Problems, Settings};
use tracing_subscriber::EnvFilter;

use super::files;

/// Reads the settings; without a file they are the defaults. This is where the environment is read.
pub(super) fn settings(file: Option<&Path>, overrides: &Overrides) -> Result<Settings, Problems> {
    match file {
        Some(file) => Settings::from_file(file, &variable, overrides),
        None => Settings::without_file(overrides),
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Runs a server with these settings, until it ends in order or tells why it could not start.
pub(super) fn run<F>(
    file: Option<&Path>,
    overrides: &Overrides,
    serve: impl FnOnce(Settings) -> F,
) -> ExitCode
where
    F: Future<Output = Result<(), String>>,
{
    let settings = match settings(file, overrides) {
        Ok(settings) => settings,
        Err(problems) => return refuse(&problems),
    };
    log(&settings);
    if let Some(directory) = &settings.node.state_dir
        && let Err(error) = files::keep_private(directory)
    {
        return fail(&format!("cannot use the state directory {}: {error}", directory.display()));
    }
    files::warn_of_too_few(&settings.node.limits, files::raise_limit());
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if let Some(workers) = settings.workers {
        builder.worker_threads(workers.get());
    }
    let runtime = match builder.enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("cannot start threads: {error}")),
    };
    let served = runtime.block_on(serve(settings));
    // A thread that waits for standard input cannot be called back; it must not keep the process.
    runtime.shutdown_background();
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => fail(&reason),
    }
}

/// Says in one line why there is nothing to wait for.
pub(super) fn fail(reason: &str) -> ExitCode {
    eprintln!("error: {reason}");
    ExitCode::FAILURE
}

/// Says everything that is wrong with the configuration.
pub(super) fn refuse(problems: &Problems) -> ExitCode {
    eprintln!("{problems}");
    let (count, file) = (problems.list.len(), &problems.file);
    let noun = if count == 1 { "problem" } else { "problems" };
    if file.is_empty() {
        fail(&format!("{count} {noun}, not started"))
    } else {
        fail(&format!("{count} {noun} in {file}"))
    }
}

fn log(settings: &Settings) {
    let filter = EnvFilter::new(settings.log_filter());
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr);
    match settings.log_format {
        LogFormat::Text => {
            let colours = stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            builder.with_ansi(colours).with_target(false).init();
        }
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
}

/// Why a node did not start, in one line, with what to do about it.
pub(super) fn explain(error: &StartError, config: &Config) -> String {
    let StartError::Listen { address, error: reason } = error else { return error.to_string() };
    let advice = match reason.kind() {
        std::io::ErrorKind::AddrInUse => "another program serves there; ",
        std::io::ErrorKind::PermissionDenied => "ports below 1024 need a privilege; ",
        std::io::ErrorKind::AddrNotAvailable => "this machine has no such address; ",
        _ => "",
    };
    format!(
        "cannot listen at {address}: {reason}. {}",
        sentence(&format!("{advice}{}", way_out(*address, config)))
    )
}

fn way_out(address: SocketAddr, config: &Config) -> &'static str {
    if config.admin == Some(address) {
        "--admin ADDR moves the operator's port, --admin off leaves it out"
    } else if config.tcp == Some(address) {
        "tcp.listen in the configuration says where"
    } else {
        "--listen ADDR chooses another place"
    }
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
