//! Placeholder.
use super::core::Core;
use super::hub::Listen;
use super::serve::Caller;
use crate::dispatch::Target;
use crate::env::Env;
use crate::handler::{Ctx, HandlerFuture};
use crate::jsonrpc::Raw;
use crate::protocol::{Fault, Method, RequestMeta, SubscriptionFilter};
use std::sync::Arc;
pub(super) type Work = Box<dyn FnOnce(Ctx) -> HandlerFuture + Send>;
pub(super) fn work<E: Env>(_: &Arc<Core<E>>, _: &Caller, m: Method, _: &Raw) -> Result<Work, Fault> {
    Err(Fault::method_not_found(m.as_str()))
}
pub(super) fn create<E: Env>(
    _: &Arc<Core<E>>,
    _: &Caller,
    _: &Target,
    _: &Raw,
    _: &RequestMeta,
) -> Result<Option<Work>, Fault> {
    Ok(None)
}
pub(super) struct TaskFeed<E: Env>(std::marker::PhantomData<E>);
impl<E: Env> TaskFeed<E> {
    pub(super) fn names(_: &Arc<Core<E>>, _: &Caller, _: &mut SubscriptionFilter) -> Vec<String> {
        vec![]
    }
    pub(super) fn start(_: &Arc<Core<E>>, _: &Caller, _: Vec<String>, _: Arc<Listen>) -> Option<Self> {
        None
    }
}
