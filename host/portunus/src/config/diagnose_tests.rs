//! Tests of `diagnose`.
