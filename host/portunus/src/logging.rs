//! The program's own log: where it goes, how much of it there is, and its form.
//!
//! Every line goes to standard error and carries the spans that it was written
//! in: `vm` with the machine's `name`, and `port` with the port's `name` and
//! `id`. Owns the form of a line. Leaves escaping of foreign bytes to whoever
//! logs them, with [`crate::escape::Escaped`].

use std::fmt;
use std::io::{self, IsTerminal};

use serde_json::{Map, Value as Json};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::fmt::format::{JsonFields, Writer};
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormattedFields, MakeWriter};
use tracing_subscriber::registry::LookupSpan;

/// The form of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people: time, level, spans, target and message.
    #[default]
    Text,
    /// For tools: one JSON object a line.
    Json,
}

/// The target of what plugins say, whatever their component is called.
pub const PLUGIN: &str = "plugin";

/// How much is logged: the words of the program and of its plugins up to a
/// level, and warnings of the libraries below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verbosity(Level);

impl Verbosity {
    /// The level for a number of `-v`s: `info`, `debug`, `trace`.
    pub fn louder(times: u8) -> Self {
        Self(match times {
            0 => Level::INFO,
            1 => Level::DEBUG,
            _ => Level::TRACE,
        })
    }

    /// Warnings and errors alone.
    pub fn quiet() -> Self {
        Self(Level::WARN)
    }

    /// The filter that lets this much through.
    pub fn filter(self) -> EnvFilter {
        // Each crate of ours begins with the same word.
        EnvFilter::new(format!("warn,portunus={0},{PLUGIN}={0}", self.0))
    }
}

/// Reads a filter as `PORTUNUS_LOG` has it: a level, or targets with theirs.
///
/// # Errors
///
/// What cannot be read of it.
pub fn parse_filter(directives: &str) -> Result<EnvFilter, ParseError> {
    EnvFilter::builder().parse(directives)
}

/// Sends the log of the whole program to standard error, from now on. Does
/// nothing the second time.
pub fn start(filter: EnvFilter, format: LogFormat) {
    let is_plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let colours = io::stderr().is_terminal() && !is_plain;
    let subscriber = subscriber(filter, format, colours, io::stderr);
    // An error says that there is one, which then stays.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

type AnySubscriber = Box<dyn Subscriber + Send + Sync>;

fn subscriber<W>(filter: EnvFilter, format: LogFormat, colours: bool, writer: W) -> AnySubscriber
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer);
    match format {
        LogFormat::Text => Box::new(builder.with_ansi(colours).finish()),
        LogFormat::Json => {
            let fields = JsonFields::new();
            Box::new(
                builder
                    .with_ansi(false)
                    .fmt_fields(fields)
                    .event_format(JsonLine)
                    .finish(),
            )
        }
    }
}

/// One event as one JSON object: `time`, `level`, `target`, `message`, and
/// under its own name each span with its fields, so that a line has
/// `"vm": {"name": ...}` and `"port": {"name": ..., "id": ...}`. The event's
/// other fields are in `fields`.
struct JsonLine;

impl<S> FormatEvent<S, JsonFields> for JsonLine
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonFields>,
        mut line: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut object = Map::new();
        for span in context
            .event_scope()
            .into_iter()
            .flat_map(|scope| scope.from_root())
        {
            let extensions = span.extensions();
            let fields = extensions.get::<FormattedFields<JsonFields>>();
            let fields = fields.and_then(|fields| serde_json::from_str(&fields.fields).ok());
            object.insert(span.name().to_owned(), fields.unwrap_or_default());
        }
        let mut fields = Fields::default();
        event.record(&mut fields);
        if let Some(message) = fields.0.remove("message") {
            object.insert("message".to_owned(), message);
        }
        if !fields.0.is_empty() {
            object.insert("fields".to_owned(), Json::Object(fields.0));
        }
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        object.insert("time".to_owned(), time.into());
        object.insert("level".to_owned(), event.metadata().level().as_str().into());
        object.insert("target".to_owned(), event.metadata().target().into());
        writeln!(line, "{}", Json::Object(object))
    }
}

/// An event's fields as JSON.
#[derive(Default)]
struct Fields(Map<String, Json>);

impl Fields {
    fn insert(&mut self, field: &Field, value: impl Into<Json>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.insert(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.insert(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.insert(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.insert(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.insert(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.insert(field, value);
    }
}

#[cfg(test)]
#[path = "logging_tests.rs"]
pub(crate) mod tests;
