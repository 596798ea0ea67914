//! What a process uses and may use, as Linux tells it in `/proc`.

use std::path::PathBuf;
use std::time::Duration;

/// Linux reports processor time to user space in hundredths of a second, whatever the kernel's own tick is.
const TICKS_A_SECOND: u64 = 100;

/// Processor time of a process so far, its ended threads included; `None` where it or `/proc` is not there.
#[must_use]
pub fn processor_time(pid: u32) -> Option<Duration> {
    let stat = std::fs::read_to_string(proc(pid, "stat")).ok()?;
    // The name of the program stands in parentheses and may contain anything, blanks and parentheses too.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(Duration::from_millis((user + system) * 1_000 / TICKS_A_SECOND))
}

/// Processor time that the whole machine has spent on anything so far, all cores together; time that a hypervisor gave
/// to others is spent too.
#[must_use]
pub fn machine_time() -> Option<Duration> {
    let stat = std::fs::read_to_string("/proc/stat").ok()?;
    let fields = stat.lines().next()?.strip_prefix("cpu ")?.split_ascii_whitespace().take(8);
    let ticks = fields.map(|field| field.parse::<u64>().ok()).collect::<Option<Vec<_>>>()?;
    // The fourth and fifth are idle and waiting for disks.
    let busy: u64 =
        ticks.iter().enumerate().filter(|(at, _)| !matches!(at, 3 | 4)).map(|(_, ticks)| ticks).sum();
    Some(Duration::from_millis(busy * 1_000 / TICKS_A_SECOND))
}

/// Resident memory of a process in bytes.
#[must_use]
pub fn resident_bytes(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(proc(pid, "status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1_024)
}

/// How many files this process may open.
pub(super) fn open_files_max() -> Option<usize> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

/// Asks Linux not to group this thread's wake-ups: by default they may be 50 µs late, as much as a whole call takes.
/// Where that cannot be asked for, sends are a little later and counted as such.
pub(super) fn wake_this_thread_sharply() {
    let Ok(path) = std::fs::read_link("/proc/thread-self") else { return };
    if let Some(thread) = path.file_name() {
        let _ = std::fs::write(PathBuf::from("/proc").join(thread).join("timerslack_ns"), "1000");
    }
}

fn proc(pid: u32, file: &str) -> PathBuf {
    ["/proc", &pid.to_string(), file].iter().collect()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_process_can_read_its_own_use() {
        let own = std::process::id();
        assert!(processor_time(own).is_some());
        assert!(machine_time() >= processor_time(own));
        assert!(resident_bytes(own).is_some_and(|bytes| bytes > 100_000));
        assert!(open_files_max().is_some_and(|files| files > 16));
        assert_eq!(processor_time(u32::MAX), None);
    }
}
