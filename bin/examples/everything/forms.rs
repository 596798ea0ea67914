//! Forms: every kind of field that a user can be shown. A client that knows less is sent the nearest that it knows.

use switchboard::handler::{Ctx, Failure, Tool};
use switchboard::protocol::{ElicitResult, Field, Form, TextFormat};

pub(crate) fn tools() -> Vec<Tool> {
    vec![
        Tool::without_arguments("test_elicitation_sep1034_defaults", defaults)
            .describe("Shows a form that is filled in already"),
        Tool::without_arguments("test_elicitation_sep1330_enums", choices)
            .describe("Shows every way to choose"),
        Tool::without_arguments("test_elicitation_formats", formats)
            .describe("Shows texts that must look like something"),
    ]
}

async fn defaults(ctx: Ctx) -> Result<String, Failure> {
    let status = Field::one_of(["active", "inactive", "pending"]);
    let form = Form::new()
        .optional("name", Field::text().described("Name").default_text("John Doe"))
        .optional("age", Field::integer().described("Age").default_number(30.0))
        .optional("score", Field::number().described("Score").default_number(95.5))
        .optional("status", status.described("Status").default_text("active"))
        .optional("verified", Field::boolean().described("Verified").default_flag(true));
    Ok(summary(&ctx.elicit("account", "Is this right?", form).await?))
}

async fn choices(ctx: Ctx) -> Result<String, Failure> {
    let plain = ["option1", "option2", "option3"];
    let titled = [("value1", "The first"), ("value2", "The second"), ("value3", "The third")];
    let named = [("opt1", "Option one"), ("opt2", "Option two"), ("opt3", "Option three")];
    let form = Form::new()
        .optional("untitledSingle", Field::one_of(plain).described("One of these"))
        .optional("titledSingle", Field::one_of(titled).described("One of these, by title"))
        .optional("legacyEnum", Field::one_of_named(named).described("One of these, in the older form"))
        .optional("untitledMulti", Field::any_of(plain).described("Some of these").between(1.0, 3.0))
        .optional(
            "titledMulti",
            Field::any_of(titled).described("Some of these, by title").between(1.0, 3.0),
        );
    Ok(summary(&ctx.elicit("choices", "Please choose", form).await?))
}

async fn formats(ctx: Ctx) -> Result<String, Failure> {
    let form = Form::new()
        .required("mail", Field::text().format(TextFormat::Email))
        .optional("page", Field::text().format(TextFormat::Uri))
        .optional("day", Field::text().format(TextFormat::Date))
        .optional("moment", Field::text().format(TextFormat::DateTime));
    Ok(summary(&ctx.elicit("formats", "Where and when?", form).await?))
}

fn summary(answer: &ElicitResult) -> String {
    let content = answer.content.as_ref().map_or("nothing", |content| content.as_str());
    format!("{}: {content}", answer.action.as_str())
}
