//! What clients asked and were told, without when: the history of the application. Where nothing goes wrong it must be the
//! same in every world, for nothing that a network or a scheduler decides may show in it.

use std::collections::BTreeMap;
use std::fmt;

use super::history::{ClientId, Entry, Fact, Mark, RequestNumber};
use crate::client::{Errand, Outcome};

/// One request and everything that came of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Exchange {
    /// For which call.
    pub mark: Mark,
    /// What was asked.
    pub errand: Errand,
    /// A digest of what the answer said, but for what is drawn at random in each world.
    pub words: Option<u64>,
    /// How it ended; `None` where the run ended before.
    pub outcome: Option<Outcome>,
    /// The progress that the call had told of by then.
    pub progress: Vec<u32>,
    /// How often its handler had run by then.
    pub runs: u32,
}

/// What each client asked and was told, in its order.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Told(BTreeMap<ClientId, Vec<Exchange>>);

/// Two worlds told a client different things.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Disagreement {
    /// Whom.
    pub client: ClientId,
    /// In which of its exchanges, counted from 0.
    pub place: usize,
    /// What came of it in the one world.
    pub one: Exchange,
    /// And in the other.
    pub other: Exchange,
}

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { client, place, one, other } = self;
        write!(f, "exchange {place} of {client:?}: {one:?} here, {other:?} there")
    }
}

impl Told {
    /// Reads it out of a history. What a client does beside its requests, in tasks of their own and as often as it takes, is
    /// no part of it, and neither is when it stopped asking.
    #[must_use]
    pub fn of(entries: &[Entry]) -> Self {
        let mut told = Self::default();
        let mut places: BTreeMap<RequestNumber, (ClientId, usize)> = BTreeMap::new();
        let (mut progress, mut runs): (BTreeMap<Mark, Vec<u32>>, BTreeMap<Mark, u32>) = Default::default();
        for entry in entries {
            match &entry.fact {
                Fact::Sent { request, mark, errand } if is_in_turn(*errand) => {
                    let all = told.0.entry(mark.client).or_default();
                    places.insert(*request, (mark.client, all.len()));
                    let (mark, errand) = (*mark, *errand);
                    all.push(Exchange {
                        mark,
                        errand,
                        words: None,
                        outcome: None,
                        progress: Vec::new(),
                        runs: 0,
                    });
                }
                Fact::Progress { mark, number } => progress.entry(*mark).or_default().push(*number),
                Fact::Ran { mark, .. } => *runs.entry(*mark).or_default() += 1,
                Fact::Said { request, words } => {
                    let place = places.get(request);
                    let exchange = place.and_then(|(client, place)| told.0.get_mut(client)?.get_mut(*place));
                    if let Some(exchange) = exchange {
                        exchange.words = Some(*words);
                    }
                }
                Fact::Ended { request, outcome, .. } => {
                    let Some((client, place)) = places.get(request) else { continue };
                    let Some(exchange) = told.0.get_mut(client).and_then(|all| all.get_mut(*place)) else {
                        continue;
                    };
                    exchange.outcome = Some(*outcome);
                    exchange.progress = progress.get(&exchange.mark).cloned().unwrap_or_default();
                    exchange.runs = runs.get(&exchange.mark).copied().unwrap_or_default();
                }
                _ => {}
            }
        }
        for all in told.0.values_mut() {
            let ended = all.iter().take_while(|exchange| exchange.outcome.is_some()).count();
            all.truncate(ended);
        }
        told
    }

    /// How many exchanges there were of the client that had fewest.
    #[must_use]
    pub fn fewest(&self) -> usize {
        self.0.values().map(Vec::len).min().unwrap_or_default()
    }

    /// How many exchanges the two have in common: of each client as many as both have, for a slow world has fewer.
    ///
    /// # Errors
    /// The first [`Disagreement`].
    pub fn agree(&self, other: &Self) -> Result<usize, Box<Disagreement>> {
        let mut common = 0;
        for (client, here) in &self.0 {
            let there = other.0.get(client).map(Vec::as_slice).unwrap_or_default();
            for (place, (one, other)) in here.iter().zip(there).enumerate() {
                if one != other {
                    let (one, other) = (one.clone(), other.clone());
                    return Err(Box::new(Disagreement { client: *client, place, one, other }));
                }
                common += 1;
            }
        }
        Ok(common)
    }
}

/// Whether a client asks it in its turn, after the answer to what it asked before, and not to take its leave.
const fn is_in_turn(errand: Errand) -> bool {
    let is_beside = matches!(
        errand,
        Errand::Answer | Errand::Listen | Errand::Resume | Errand::Doubt | Errand::Look | Errand::Withdraw
    );
    !is_beside && !matches!(errand, Errand::Delete | Errand::Haunt)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(words: u64, outcome: Outcome) -> Told {
        let (request, client) = (RequestNumber(1), ClientId(3));
        let mark = Mark { client, session: 1, call: 1 };
        let facts = [
            Fact::Sent { request, mark, errand: Errand::Echo },
            Fact::Said { request, words },
            Fact::Ended { request, client, outcome, server: None },
        ];
        Told::of(&facts.map(|fact| Entry { at: 0, fact }))
    }

    #[test]
    fn two_worlds_agree_only_where_they_say_the_same_words() {
        assert_eq!(told(7, Outcome::Ok).agree(&told(7, Outcome::Ok)).ok(), Some(1));
        assert!(told(7, Outcome::Ok).agree(&told(8, Outcome::Ok)).is_err());
        assert!(told(7, Outcome::Ok).agree(&told(7, Outcome::ToolError)).is_err());
    }
}
