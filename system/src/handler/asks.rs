//! Questions to the client, each kind with its own method: its user, its model, its roots.

use serde::de::DeserializeOwned;

use super::ask::AskError;
use super::ctx::Ctx;
use crate::jsonrpc::Raw;
use crate::protocol::{
    Ask, CreateMessageParams, CreateMessageResult, ElicitAction, ElicitParams, ElicitResult, Fault, Form,
    ListRootsResult, Root,
};

/// A question whose answer could not be read.
fn malformed(fault: Fault) -> AskError {
    AskError::Malformed(fault.message)
}

impl Ctx {
    /// Asks the user to fill in a form. `key` names the question within the handler: the same question has the same
    /// name in each run.
    ///
    /// # Errors
    /// [`AskError`]. That the user declined is no error but an answer.
    pub async fn elicit(&self, key: &str, message: &str, form: Form) -> Result<ElicitResult, AskError> {
        let answer = self.ask(key, Ask::Elicit(ElicitParams::form(message, form))).await?;
        ElicitResult::read(&answer).map_err(malformed)
    }

    /// Asks the user to fill in a form, and reads what was filled in; `None` when the user declined or cancelled.
    ///
    /// # Errors
    /// [`AskError`], also when what was filled in has another shape.
    pub async fn elicit_as<T: DeserializeOwned>(
        &self,
        key: &str,
        message: &str,
        form: Form,
    ) -> Result<Option<T>, AskError> {
        let result = self.elicit(key, message, form).await?;
        if result.action != ElicitAction::Accept {
            return Ok(None);
        }
        let content = result.content.unwrap_or_else(Raw::empty_object);
        content.decode().map(Some).map_err(|error| AskError::Malformed(error.to_string()))
    }

    /// Asks the user to go to a URL, for what must not pass through the client (2025-11-25 and later). The answer says
    /// whether the user agreed to go, not that they were there.
    ///
    /// # Errors
    /// [`AskError`].
    pub async fn elicit_url(
        &self,
        key: &str,
        message: &str,
        url: &str,
        elicitation_id: &str,
    ) -> Result<ElicitAction, AskError> {
        let answer = self.ask(key, Ask::Elicit(ElicitParams::url(message, url, elicitation_id))).await?;
        ElicitResult::read(&answer).map(|result| result.action).map_err(malformed)
    }

    /// Asks the client's model.
    ///
    /// # Errors
    /// [`AskError`].
    pub async fn sample(
        &self,
        key: &str,
        params: CreateMessageParams,
    ) -> Result<CreateMessageResult, AskError> {
        let answer = self.ask(key, params.into()).await?;
        CreateMessageResult::read(&answer).map_err(malformed)
    }

    /// Asks for the client's roots.
    ///
    /// # Errors
    /// [`AskError`].
    pub async fn roots(&self, key: &str) -> Result<Vec<Root>, AskError> {
        let answer = self.ask(key, Ask::Roots).await?;
        ListRootsResult::read(&answer).map(|result| result.roots).map_err(malformed)
    }
}
