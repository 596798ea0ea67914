//! The one clock reader that is let through: each time a connection of hyper's server is polled, it looks whether the text of its
//! `Date` header has become too old, even where that header is switched off, as it is in a node. What it reads decides nothing.
//!
//! It is known by a backtrace the first time, and its functions by the program's table of symbols; where the compiler has put them
//! inside of others, by what the program says for debuggers, which takes a tenth of a second to read. From then on it is known by its
//! return address, which stands on the stack as far above us as it did then: whoever reads the clock the same way comes through the
//! same frames up to that address.

use std::ffi::CStr;
use std::fs::File;
use std::ops::Range;
use std::ptr::read_volatile;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use backtrace::{Frame, resolve_frame, trace};
use object::read::elf::ElfFile64;
use object::{LittleEndian, Object, ObjectSection, ObjectSymbol, ReadCache, SymbolKind};

use super::symbols::clock_gettime;
use crate::aside;

/// Where it reads,
const PARDONED: &str = "hyper::common::date::";
/// and what that is in the names of symbols.
const PARDONED_MANGLED: &str = "5hyper6common4date";
/// So few frames lie between it and the C library,
const FRAMES_MAX: usize = 8;
/// and so few bytes. What calls a watched task takes more of the stack than that, so all of it is there to be read.
const BYTES_MAX: usize = 1_024;
const WORD_BYTES: usize = size_of::<usize>();

/// A return address in the pardoned code, and where on the stack it stands.
struct Way {
    /// 0 for none yet.
    address: AtomicUsize,
    above_bytes: AtomicUsize,
}

/// The compiler makes one or two such places. Beyond these, each takes a backtrace each time.
static WAYS: [Way; 4] = [const { Way { address: AtomicUsize::new(0), above_bytes: AtomicUsize::new(0) } }; 4];

/// Whether whoever reads the clock right now may. Never inlined: distances on the stack are counted from here.
#[inline(never)]
pub(super) fn is_pardoned() -> bool {
    let place = 0_usize;
    let place = &raw const place as usize;
    let known = WAYS.iter().any(|way| {
        let address = way.address.load(Ordering::Acquire);
        address != 0 && word_above(place, way.above_bytes.load(Ordering::Relaxed)) == address
    });
    known || aside(|| learn(place))
}

/// The word on the stack so far above a place in a frame that is still there.
fn word_above(place: usize, bytes: usize) -> usize {
    debug_assert!(bytes < BYTES_MAX, "only what surely is stack may be read");
    // SAFETY: the place is aligned and in a frame of this thread, and so near above it there are frames of its callers, for a
    // watched task is called from the loop of its world. Frames may change while they are read, hence volatile.
    unsafe { read_volatile((place + bytes) as *const usize) }
}

/// Looks for the pardoned code among the nearest callers, and remembers where it stands.
fn learn(place: usize) -> bool {
    let found = nearest(place, is_function_of_it).or_else(|| nearest(place, is_debugged_as_it));
    let Some(address) = found else { return false };
    let above_bytes = (0..BYTES_MAX).step_by(WORD_BYTES).find(|bytes| word_above(place, *bytes) == address);
    let free =
        |way: &&Way| way.address.compare_exchange(0, address, Ordering::AcqRel, Ordering::Acquire).is_ok();
    if let Some(bytes) = above_bytes
        && let Some(way) = WAYS.iter().find(free)
    {
        way.above_bytes.store(bytes, Ordering::Release);
    }
    true
}

/// The return address of the nearest caller of whom this holds.
fn nearest(place: usize, holds: fn(&Frame) -> bool) -> Option<usize> {
    let (mut frames, mut found) = (0, None);
    trace(|frame| {
        if frame.sp() as usize > place {
            frames += 1;
            found = holds(frame).then(|| frame.ip() as usize);
        }
        found.is_none() && frames < FRAMES_MAX
    });
    found
}

fn is_function_of_it(frame: &Frame) -> bool {
    static FUNCTIONS: OnceLock<Vec<Range<usize>>> = OnceLock::new();
    let address = frame.ip() as usize;
    FUNCTIONS
        .get_or_init(|| functions().unwrap_or_default())
        .iter()
        .any(|function| function.contains(&address))
}

fn is_debugged_as_it(frame: &Frame) -> bool {
    let mut is_it = false;
    resolve_frame(frame, |symbol| {
        is_it |= symbol.name().is_some_and(|name| name.to_string().contains(PARDONED));
    });
    is_it
}

/// Where the pardoned functions are that stand for themselves; `None` where the program has no table of symbols.
fn functions() -> Option<Vec<Range<usize>>> {
    let program = ReadCache::new(File::open("/proc/self/exe").ok()?);
    let program = ElfFile64::<LittleEndian, _>::parse(&program).ok()?;
    let names = program.section_by_name(".strtab")?.data().ok()?;
    let (mut ours, mut found) = (None, Vec::new());
    for symbol in program.symbols().filter(|symbol| symbol.kind() == SymbolKind::Text) {
        let name = names.get(symbol.elf_symbol().st_name.get(LittleEndian) as usize..)?;
        let name = CStr::from_bytes_until_nul(name).ok()?;
        let address = usize::try_from(symbol.address()).ok()?;
        if name == c"clock_gettime" {
            ours = Some(address);
        } else if name.to_str().is_ok_and(|name| name.contains(PARDONED_MANGLED)) {
            found.push(address..address + usize::try_from(symbol.size()).ok()?);
        }
    }
    // Where the system has put the program, told by a symbol that we know.
    let moved = (clock_gettime as *const () as usize).wrapping_sub(ours?);
    let at = |Range { start, end }: Range<usize>| start.wrapping_add(moved)..end.wrapping_add(moved);
    Some(found.into_iter().map(at).collect())
}
