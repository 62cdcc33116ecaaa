//! What Python sees. The interpreter's lock is given back while anything is computed.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::{filter_hits, rolling, stream, take_records, Hit, Rolling, Stream, ValueSet, IDENTIFIER_BYTES};

/// Stored identifiers, made ready to be searched for.
#[pyclass(frozen)]
struct Values {
    set: ValueSet,
}

#[pymethods]
impl Values {
    /// Take identifiers of 16 bytes one behind the other.
    #[new]
    fn new(py: Python<'_>, values: &[u8]) -> PyResult<Self> {
        if !values.len().is_multiple_of(IDENTIFIER_BYTES)
            || u32::try_from(values.len() / IDENTIFIER_BYTES).is_err()
        {
            return Err(PyValueError::new_err(
                "values: not whole identifiers of 16 bytes, or 2**32 and more",
            ));
        }
        Ok(Self { set: py.detach(|| ValueSet::new(values)) })
    }

    /// Hits among the entries of Exposure Notification, as i64 triples.
    fn rolling<'py>(
        &self,
        py: Python<'py>,
        entries: &[u8],
        entry_bytes: usize,
        secret_bytes: usize,
        label: &[u8],
        most_slots: usize,
    ) -> PyResult<Bound<'py, PyBytes>> {
        check(entries, entry_bytes, secret_bytes + 5)?;
        let form = Rolling { entry_bytes, secret_bytes, label, most_slots };
        Ok(triples(py, &py.detach(|| rolling(&form, entries, &self.set))))
    }

    /// Hits among the entries of a DP-3T design, as i64 triples.
    #[allow(clippy::too_many_arguments)] // all that an expansion depends on
    fn stream<'py>(
        &self,
        py: Python<'py>,
        entries: &[u8],
        entry_bytes: usize,
        secret_bytes: usize,
        label: &[u8],
        per_slot: usize,
        most_slots: usize,
        last_slot: i64,
    ) -> PyResult<Bound<'py, PyBytes>> {
        check(entries, entry_bytes, secret_bytes + 4)?;
        let form = Stream { entry_bytes, secret_bytes, label, per_slot, most_slots, last_slot };
        Ok(triples(py, &py.detach(|| stream(&form, entries, &self.set))))
    }
}

/// The numbers of `values` that a filter holds, as i64; None if the slower reader has to look at the filter.
#[pyfunction]
#[pyo3(name = "filter_hits")]
fn py_filter_hits<'py>(
    py: Python<'py>,
    count: u32,
    body: &[u8],
    values: &[u8],
    remainder_bytes: usize,
) -> Option<Bound<'py, PyBytes>> {
    let found = py.detach(|| filter_hits(count, body, values, remainder_bytes))?;
    Some(PyBytes::new(py, &found.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>()))
}

/// Plain key records from `position` on, as entries, and the position behind them.
#[pyfunction]
#[pyo3(name = "take_records")]
fn py_take_records<'py>(
    py: Python<'py>,
    data: &[u8],
    position: usize,
    most: usize,
    max_start: u32,
) -> PyResult<(Bound<'py, PyBytes>, usize)> {
    let rest = data.get(position..).ok_or_else(|| PyValueError::new_err("position: behind the end"))?;
    let taken = py.detach(|| take_records(rest, most, max_start));
    Ok((PyBytes::new(py, &taken.entries), position + taken.bytes))
}

fn check(entries: &[u8], entry_bytes: usize, needed: usize) -> PyResult<()> {
    if entry_bytes < needed || !entries.len().is_multiple_of(entry_bytes) {
        return Err(PyValueError::new_err("entries: not whole entries with secret and slot"));
    }
    Ok(())
}

fn triples<'py>(py: Python<'py>, hits: &[Hit]) -> Bound<'py, PyBytes> {
    PyBytes::new(py, &hits.iter().flatten().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>())
}

/// Matching for the phone and the simulator of Anopticon; see the Python module `anopticon_client.native`.
#[pymodule]
fn anopticon_native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Values>()?;
    module.add_function(wrap_pyfunction!(py_filter_hits, module)?)?;
    module.add_function(wrap_pyfunction!(py_take_records, module)?)?;
    module.add("VERSION", env!("CARGO_PKG_VERSION"))
}
