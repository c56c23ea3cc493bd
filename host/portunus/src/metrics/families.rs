//! Families of metrics and their samples, as the encoder takes them.
//!
//! The encoder writes a label's value as it is; escaping is done here, as
//! OpenMetrics 1.0 has it (section "Escaping").

use std::fmt::{self, Write};

use prometheus_client::encoding::{
    DescriptorEncoder, EncodeLabel, EncodeLabelSet, EncodeLabelValue, LabelSetEncoder,
    LabelValueEncoder, MetricEncoder, NoLabelSet,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

use crate::session::{BOUNDS_NS, CallTimesNow};

const NS_PER_SECOND: f64 = 1e9;

/// What the samples of one family have in common.
pub(super) struct Family {
    /// Its name, without the program's, the unit's and the type's.
    pub(super) name: &'static str,
    /// What is counted, where it is not just things.
    pub(super) unit: Option<Unit>,
    /// What it says, in a sentence.
    pub(super) help: &'static str,
}

impl Family {
    /// A family that counts things.
    pub(super) fn things(name: &'static str, help: &'static str) -> Self {
        Self {
            name,
            unit: None,
            help,
        }
    }

    /// A family that counts bytes.
    pub(super) fn bytes(name: &'static str, help: &'static str) -> Self {
        Self {
            unit: Some(Unit::Bytes),
            ..Self::things(name, help)
        }
    }

    /// A family that measures time.
    pub(super) fn seconds(name: &'static str, help: &'static str) -> Self {
        Self {
            unit: Some(Unit::Seconds),
            ..Self::things(name, help)
        }
    }

    /// Writes the family's head, and lets its samples follow.
    pub(super) fn begin<'f>(
        &'f self,
        encoder: &'f mut DescriptorEncoder<'_>,
        kind: MetricType,
    ) -> Result<Samples<'f>, fmt::Error> {
        let unit = self.unit.as_ref();
        let encoder = encoder.encode_descriptor(self.name, self.help, unit, kind)?;
        Ok(Samples(encoder))
    }
}

/// The samples of one family.
pub(super) struct Samples<'f>(MetricEncoder<'f>);

impl Samples<'_> {
    pub(super) fn counter(&mut self, labels: &Labels<'_>, value: u64) -> fmt::Result {
        let mut sample = self.0.encode_family(labels)?;
        sample.encode_counter::<NoLabelSet, _, u64>(&value, None)
    }

    pub(super) fn gauge(&mut self, labels: &Labels<'_>, value: f64) -> fmt::Result {
        self.0.encode_family(labels)?.encode_gauge(&value)
    }

    /// A gauge of whole things.
    pub(super) fn level(&mut self, labels: &Labels<'_>, value: u64) -> fmt::Result {
        self.0.encode_family(labels)?.encode_gauge(&value)
    }

    pub(super) fn info(&mut self, labels: &Labels<'_>) -> fmt::Result {
        self.0.encode_info(labels)
    }

    pub(super) fn times(&mut self, labels: &Labels<'_>, times: &CallTimesNow) -> fmt::Result {
        let bounds = BOUNDS_NS.map(seconds);
        let mut buckets: Vec<_> = bounds.into_iter().zip(times.counts).collect();
        // The encoder's word for infinity.
        buckets.push((f64::MAX, times.longer));
        self.0
            .encode_family(labels)?
            .encode_histogram::<NoLabelSet>(seconds(times.sum_ns), times.count(), &buckets, None)
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a sum of years is told to the microsecond"
)]
fn seconds(ns: u64) -> f64 {
    ns as f64 / NS_PER_SECOND
}

/// The labels of one sample.
#[derive(Clone)]
pub(super) struct Labels<'l>(Vec<(&'static str, &'l str)>);

impl<'l> Labels<'l> {
    pub(super) fn new(labels: impl Into<Vec<(&'static str, &'l str)>>) -> Self {
        Self(labels.into())
    }

    /// These labels and one more.
    pub(super) fn and(&self, name: &'static str, value: &'l str) -> Self {
        let mut labels = self.clone();
        labels.0.push((name, value));
        labels
    }
}

impl EncodeLabelSet for Labels<'_> {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> fmt::Result {
        for (name, value) in &self.0 {
            (*name, Escaped(value)).encode(encoder.encode_label())?;
        }
        Ok(())
    }
}

/// A label's value, which may be anybody's word.
struct Escaped<'v>(&'v str);

impl EncodeLabelValue for Escaped<'_> {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '\\' => encoder.write_str("\\\\")?,
                '"' => encoder.write_str("\\\"")?,
                '\n' => encoder.write_str("\\n")?,
                _ => encoder.write_char(character)?,
            }
        }
        Ok(())
    }
}
