//! How the code of a node is probed: `reachable!`, `sometimes!`, `always!`, `buggify!` and `flawed!`, each asked of a world
//! (an [`Env`](super::Env), or the [`World`](super::World) behind a pointer), so that two nodes in one process share nothing.
//! In production the first three cost a call that does nothing, the others nothing.

/// This place was reached. Some run of the standard scenarios must.
macro_rules! reachable {
    ($env:expr, $point:ident) => {
        $env.record(&crate::event::Event::Reached(crate::probe::Point::$point))
    };
}

/// This must hold here now and then.
macro_rules! sometimes {
    ($env:expr, $condition:expr, $point:ident) => {
        if $condition {
            crate::env::reachable!($env, $point);
        }
    };
}

/// This must hold here at all times. Where it does not, a simulation ends as a broken promise, and production says so in its log.
macro_rules! always {
    ($env:expr, $condition:expr, $promise:literal) => {
        if !$condition {
            tracing::error!("this must always hold: {}", $promise);
            $env.record(&crate::event::Event::Broken($promise));
        }
    };
}

/// Whether to do here what may be done at any time, and mostly is not.
macro_rules! buggify {
    ($env:expr, $quirk:ident) => {
        $env.buggify(crate::probe::Quirk::$quirk)
    };
}

/// Whether a bug is planted here. For tests that must find it.
macro_rules! flawed {
    ($env:expr, $flaw:ident) => {
        $env.flaw() == Some(crate::probe::Flaw::$flaw)
    };
}

pub(crate) use {always, buggify, flawed, reachable, sometimes};
