//! One client of the port's socket: what it has asked for, and what it has not
//! been told yet. It is told as much as it reads: what waits for it is its
//! answers, one line of them at a time, and the difference between what is so and
//! what it knows.

use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Instant;

use portunus_plugin_sdk::{Channel, Lines, Unfinished};

use crate::audit::Who;
use crate::board::Board;
use crate::content::Content;
use crate::kinds::{ContentType, PerSelection, Selection};
use crate::questions::Questions;
use crate::reply;
use crate::request::MAX_LINE_BYTES;

/// How many answers may wait before no more is taken from a client: it does not
/// read them, and each line makes one more.
const MAX_ANSWERS: usize = 16;

/// Content that a client is giving.
#[derive(Debug)]
pub(crate) enum Upload {
    Taken {
        selection: Selection,
        kind: ContentType,
        content: Content,
    },
    /// Refused, and told so: the rest of it means nothing.
    Refused,
}

/// Content that a client wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Get {
    pub(crate) id: Option<u64>,
    pub(crate) selection: Selection,
    pub(crate) kind: ContentType,
    pub(crate) stage: GetStage,
}

/// What it waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GetStage {
    /// Somebody's word.
    Asking,
    /// The agent, until then.
    Fetching(Instant),
}

/// Content on its way to a client.
#[derive(Debug)]
struct Download {
    id: Option<u64>,
    content: Rc<Content>,
    piece: usize,
}

/// What all clients can be told.
pub(crate) struct News<'a> {
    pub(crate) agent: bool,
    pub(crate) board: &'a Board,
    pub(crate) questions: &'a Questions,
}

/// What a watcher knows.
#[derive(Debug, Default)]
struct Told {
    agent: Option<bool>,
    offers: PerSelection<Option<u64>>,
}

/// A client.
#[derive(Debug)]
pub(crate) struct Client {
    channel: Channel,
    pub(crate) who: Option<Who>,
    pub(crate) lines: Lines,
    pub(crate) upload: Option<Upload>,
    pub(crate) get: Option<Get>,
    answers: VecDeque<String>,
    download: Option<Download>,
    watches: Option<Told>,
    /// The last question that it was asked, if it decides.
    decides: Option<u64>,
    /// The line that is on its way to it, and how many bytes of it are gone.
    line: String,
    gone: usize,
    /// Since when it takes nothing, though there is something for it.
    pub(crate) stalled: Option<Instant>,
    /// It sends no more.
    pub(crate) ended: bool,
    /// Some of what it sent was not taken.
    pub(crate) held: bool,
}

impl Client {
    pub(crate) fn new(channel: Channel, who: Option<Who>) -> Self {
        Self {
            channel,
            who,
            lines: Lines::new(MAX_LINE_BYTES, Unfinished::default()),
            upload: None,
            get: None,
            answers: VecDeque::new(),
            download: None,
            watches: None,
            decides: None,
            line: String::new(),
            gone: 0,
            stalled: None,
            ended: false,
            held: false,
        }
    }

    /// Whether its next line is to wait: one thing after the other.
    pub(crate) fn must_wait(&self) -> bool {
        self.get.is_some() || self.download.is_some() || self.answers.len() >= MAX_ANSWERS
    }

    pub(crate) fn answer(&mut self, line: String) {
        self.answers.push_back(line);
    }

    pub(crate) fn give(&mut self, id: Option<u64>, content: Rc<Content>) {
        self.download = Some(Download {
            id,
            content,
            piece: 0,
        });
    }

    pub(crate) fn watch(&mut self) {
        self.watches.get_or_insert_default();
    }

    pub(crate) fn decide(&mut self) {
        self.decides.get_or_insert(0);
    }

    pub(crate) fn decides(&self) -> bool {
        self.decides.is_some()
    }

    /// How many contents are kept for it, or will be.
    pub(crate) fn contents(&self) -> usize {
        let gives = matches!(self.upload, Some(Upload::Taken { .. }));
        let takes = self.get.is_some() || self.download.is_some();
        usize::from(gives).saturating_add(usize::from(takes))
    }

    /// Whether nothing more is to come of it, for either side.
    pub(crate) fn is_done(&self) -> bool {
        let is_owed = self.get.is_some()
            || self.download.is_some()
            || !self.answers.is_empty()
            || self.gone < self.line.len();
        self.ended && !is_owed && self.watches.is_none() && self.decides.is_none()
    }

    /// Gives to `send` what there is for it, until it takes less than it is given
    /// or fails.
    pub(crate) fn pump<Failed>(
        &mut self,
        news: &News<'_>,
        now: Instant,
        mut send: impl FnMut(&[u8]) -> Result<usize, Failed>,
    ) -> Result<(), Failed> {
        loop {
            let rest = self.line.as_bytes().get(self.gone..).unwrap_or_default();
            if rest.is_empty() {
                self.line.clear();
                self.gone = 0;
                self.next_line(news);
                if self.line.is_empty() {
                    self.stalled = None;
                    return Ok(());
                }
                continue;
            }
            let length = rest.len();
            let sent = send(rest)?.min(length);
            self.gone = self.gone.saturating_add(sent);
            if sent > 0 {
                self.stalled = None;
            }
            if sent < length {
                self.stalled.get_or_insert(now);
                return Ok(());
            }
        }
    }

    /// The next thing to be said: answers, content, questions, news.
    fn next_line(&mut self, news: &News<'_>) {
        if let Some(answer) = self.answers.pop_front() {
            self.line = answer;
        } else if let Some(download) = &mut self.download {
            let pieces = download.content.pieces();
            let piece = pieces.get(download.piece).map_or(&[][..], Vec::as_slice);
            download.piece = download.piece.saturating_add(1);
            let more = download.piece < pieces.len();
            reply::data(download.id, piece, more, &mut self.line);
            if !more {
                self.download = None;
            }
        } else if let Some(question) = self.next_question(news) {
            self.line = question;
        } else if let Some(told) = &mut self.watches {
            self.line = told.next(news).unwrap_or_default();
        }
    }

    fn next_question(&mut self, news: &News<'_>) -> Option<String> {
        let last = self.decides?;
        let question = news
            .questions
            .after(last)
            .find(|question| question.is_for(self.channel))?;
        self.decides = Some(question.number);
        Some(reply::ask(question))
    }
}

impl Told {
    /// The next difference between what is so and what was told.
    fn next(&mut self, news: &News<'_>) -> Option<String> {
        if self.agent != Some(news.agent) {
            self.agent = Some(news.agent);
            return Some(reply::agent(news.agent));
        }
        Selection::ALL.into_iter().find_map(|selection| {
            let offer = news.board.offer(selection);
            let told = self.offers.get_mut(selection);
            if *told == Some(offer.number()) {
                return None;
            }
            let first = told.replace(offer.number()).is_none();
            // At first nothing need be said of what has nothing.
            let summary = offer.summary();
            (!first || summary.is_some()).then(|| reply::offer(selection, summary))
        })
    }
}
