//! What a run in the kernel plays, beside its setup: the tools of its nodes, the scripts of its clients, and checks of its own.

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde::Serialize;
use switchboard::handler::Catalogue;
use switchboard::jsonrpc::Raw;

use super::cluster::Site;
use super::setup::Scenario;
use crate::check::{Checker, Fact, History, NothingIsLeft, Who};
use crate::client::Caller;
use crate::env::SimEnv;
use crate::node::NodeId;

/// A node that boots, as the maker of its tools sees it. Made anew at each boot: what is kept elsewhere than on its disk is lost
/// when its process dies.
#[derive(Clone)]
pub struct Place {
    /// Which node it is.
    pub node: NodeId,
    /// The world as this boot of it sees it: its clock, disk, network and randomness, and tasks that end with it.
    pub env: SimEnv,
    /// Where all nodes are, in the order of their numbers.
    pub sites: Arc<[Site]>,
    pub(super) history: History,
}

impl Place {
    /// Notes something for the checks, at this moment: what the node holds, or what it did.
    ///
    /// # Panics
    /// Where it cannot be JSON.
    pub fn note(&self, what: &impl Serialize) {
        let what = Raw::encode(what).expect("what is noted must be JSON");
        self.history.note(Fact::Noted { by: Who::Node(self.node), what });
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place")
            .field("node", &self.node)
            .field("boot", &self.env.boot())
            .finish_non_exhaustive()
    }
}

/// What a client does with its life.
pub(crate) type Script = Arc<dyn Fn(Caller) -> BoxFuture<'static, ()> + Send + Sync>;
/// Makes the tools of a node.
type Tools = Arc<dyn Fn(Place) -> Catalogue + Send + Sync>;
/// Makes checkers of the piece's own.
type Checkers = Arc<dyn Fn() -> Vec<Box<dyn Checker>> + Send + Sync>;

/// See the [module](self) page.
#[derive(Clone)]
pub(crate) struct Piece {
    pub(crate) name: &'static str,
    pub(crate) tools: Tools,
    pub(crate) scripts: Arc<[Script]>,
    pub(crate) checkers: Checkers,
}

impl From<&Scenario> for Piece {
    fn from(scenario: &Scenario) -> Self {
        let catalogue = scenario.catalogue;
        Self {
            name: scenario.name,
            tools: Arc::new(move |place| catalogue(&place.history)),
            scripts: Arc::new([]),
            // The tools of others may have tasks of their own, which end with the process.
            checkers: Arc::new(|| vec![Box::new(NothingIsLeft::default())]),
        }
    }
}
