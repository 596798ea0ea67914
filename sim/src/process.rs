//! Child processes of simulated nodes: a program is a closure that the world knows by name. It runs as tasks of the node
//! that launched it, with three pipes, and dies with that node.

use std::future::{Future, poll_fn};
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};

use switchboard::env::{Child, Command, ExitStatus, Task};
use tokio::io::{DuplexStream, duplex};

use crate::env::SimEnv;
use crate::kernel::Work;
use crate::kernel::here::{enter, try_enter};
use crate::kernel::task::SimTask;

/// The standard streams as the program sees them.
#[derive(Debug)]
pub struct Pipes {
    /// What its parent writes.
    pub input: DuplexStream,
    /// What its parent reads.
    pub output: DuplexStream,
    /// What its parent reads too.
    pub error: DuplexStream,
}

/// A simulated program: its world, its pipes and how it was called, to its exit code.
pub(crate) type Program = Rc<dyn Fn(SimEnv, Pipes, Command) -> Pin<Box<dyn Future<Output = i32>>>>;

/// As much as a pipe of an operating system holds.
const PIPE_BYTES: usize = 64 * 1024;

/// A running child process. Dropping it kills it.
#[derive(Debug)]
pub struct SimChild {
    process: u32,
    pipes: Option<(DuplexStream, DuplexStream, DuplexStream)>,
    root: SimTask,
    code: Arc<OnceLock<i32>>,
}

impl SimChild {
    pub(crate) fn launch(env: SimEnv, command: &Command) -> io::Result<Self> {
        let found = enter(|kernel| {
            kernel.check_alive(env)?;
            let program = kernel.programs.get(&command.program).cloned().ok_or(ErrorKind::NotFound)?;
            kernel.processes_started += 1;
            Ok::<_, io::Error>((program, kernel.processes_started))
        });
        let (program, process) = found?;
        let (input, child_input) = duplex(PIPE_BYTES);
        let (output, child_output) = duplex(PIPE_BYTES);
        let (error, child_error) = duplex(PIPE_BYTES);
        let child_env = SimEnv { process, ..env };
        let pipes = Pipes { input: child_input, output: child_output, error: child_error };
        let body = program(child_env, pipes, command.clone());
        let code = Arc::new(OnceLock::new());
        let exit = Arc::clone(&code);
        let body = Box::pin(async move {
            let returned = body.await;
            let _ = exit.set(returned);
            // The process has ended, and so have its other tasks.
            enter(|kernel| kernel.work.push_back(Work::EndProcess(process)));
        });
        let root = enter(|kernel| kernel.start_task((env.node, env.boot, process), "process", body));
        Ok(Self { process, pipes: Some((input, output, error)), root: SimTask::new(root), code })
    }
}

impl Child for SimChild {
    type Input = DuplexStream;
    type Output = DuplexStream;
    type Error = DuplexStream;

    fn take_pipes(&mut self) -> Option<(DuplexStream, DuplexStream, DuplexStream)> {
        self.pipes.take()
    }

    async fn wait(&mut self) -> io::Result<ExitStatus> {
        poll_fn(|cx| self.root.poll_end(cx)).await;
        Ok(self.code.get().map_or(ExitStatus::Killed, |code| ExitStatus::Code(*code)))
    }

    fn kill(&mut self) -> io::Result<()> {
        self.root.abort();
        enter(|kernel| kernel.work.push_back(Work::EndProcess(self.process)));
        Ok(())
    }
}

impl Drop for SimChild {
    fn drop(&mut self) {
        try_enter(|kernel| kernel.work.push_back(Work::EndProcess(self.process)));
    }
}
