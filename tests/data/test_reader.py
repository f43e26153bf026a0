"""Reading CSV files: what is understood, and how each mistake is told."""

import gzip

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.data import read_csv
from chainrule.errors import DataError


@pytest.fixture
def write(tmp_path):
    def write(text, name="data.csv", encoding="utf-8"):
        path = tmp_path / name
        path.write_bytes(text.encode(encoding))
        return path

    return write


def test_a_header_names_the_columns(write):
    table = read_csv(write("a,b\n1,2.5\n-3,4e1\n"))
    assert table.names == ("a", "b")
    assert table.values.tolist() == [[1, 2.5], [-3, 40]]
    assert table.rows == (2, 3)


def test_a_first_row_of_numbers_is_data(write):
    table = read_csv(write("1,2\n3,4\n"))
    assert table.names == ("column_1", "column_2")
    assert len(table) == 2


def test_a_header_of_numbers_can_be_declared(write):
    table = read_csv(write("2023,2024\n3,4\n"), header=True)
    assert table.names == ("2023", "2024")
    assert table.values.tolist() == [[3, 4]]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_the_separator_is_found(write, separator):
    table = read_csv(write(f"a{separator}b\n1{separator}2\n"))
    assert table.values.tolist() == [[1, 2]]


@pytest.mark.parametrize("cell", ["", " ", "NaN", "NA", "n/a", "null", "None", "?"])
def test_missing_values_are_nan(write, cell):
    assert np.isnan(read_csv(write(f"a,b\n1,2\n{cell},3\n")).values[1, 0])


def test_a_byte_order_mark_quotes_and_blank_lines_do_no_harm(write):
    table = read_csv(write('\ufeff"a","b"\r\n\r\n"1","2"\r\n,\r\n3,4\r\n'))
    assert table.names == ("a", "b")
    assert table.rows == (3, 5)


def test_gzip_is_unpacked(tmp_path):
    path = tmp_path / "data.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n1,2\n"))
    assert read_csv(path).values.tolist() == [[1, 2]]


def test_only_wanted_columns_are_read(write):
    table = read_csv(write("name,b,a\nAda,1,2\n"), columns=("a", "b"))
    assert table.names == ("a", "b")
    assert table.values.tolist() == [[2, 1]]


@pytest.mark.parametrize("cell", ["abc", "1_000", "inf", "-Infinity", "1e999", "12;5", "0x10"])
def test_a_cell_that_is_no_number_is_named(write, cell):
    path = write(f"a,b\n1,2\n3,{cell}\n")
    with pytest.raises(DataError) as caught:
        read_csv(path)
    assert caught.value.message == (
        f"{path}: row 3, column 'b': {cell!r} is not a number. "
        "Expected a finite number or an empty cell."
    )
    assert "correct the cell" in caught.value.hint


def test_a_number_whose_square_overflows_is_named(write):
    with pytest.raises(
        DataError, match=r"row 3, column 'a': '-9e200' is too large.*-1e\+150 and 1e\+150"
    ):
        read_csv(write("a,b\n1,2\n-9e200,4\n"))


def test_a_decimal_comma_is_met_with_the_right_advice(write):
    with pytest.raises(DataError, match="'0,5' is not a number") as caught:
        read_csv(write("a;b\n0,5;2\n"))
    assert caught.value.hint == "write decimals with a point, 0.5 rather than 0,5."


def test_a_long_cell_is_shortened_in_the_message(write):
    with pytest.raises(DataError, match=r"'xxx\w+'… is not a number"):
        read_csv(write("a,b\n1," + 5000 * "x" + "\n"))


def test_a_short_row_is_named(write):
    with pytest.raises(DataError, match=r"row 3 has 1 cell. Expected 2, as in the first row"):
        read_csv(write("a,b\n1,2\n3\n"))


def test_columns_that_are_not_there_are_listed_beside_those_that_are(write):
    with pytest.raises(DataError, match=r"has no column 'c'. Its columns are 'a', 'b'\."):
        read_csv(write("a,b\n1,2\n"), columns=("a", "c"))


def test_many_columns_are_not_all_listed(write):
    names = ",".join(f"c{i}" for i in range(30))
    values = ",".join("1" for _ in range(30))
    with pytest.raises(DataError, match="'c19', … and 10 more"):
        read_csv(write(f"{names}\n{values}\n"), columns=("y",))


def test_a_repeated_name_is_refused(write):
    with pytest.raises(DataError, match="two columns are named 'a'"):
        read_csv(write("a,a\n1,2\n"))


@pytest.mark.parametrize("text", ["", "\n\n", "a,b\n", ",,\n"])
def test_a_file_without_rows_is_refused(write, text):
    with pytest.raises(DataError, match="has no rows of data"):
        read_csv(write(text))


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DataError, match=r"nowhere\.csv: cannot be read: No such file"):
        read_csv(tmp_path / "nowhere.csv")


def test_a_folder_is_not_a_file(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        read_csv(tmp_path)


def test_another_encoding_is_told(write):
    with pytest.raises(DataError, match=r"byte 0 is not UTF-8"):
        read_csv(write("ä,b\n1,2\n", encoding="latin-1"))


def test_a_broken_archive_is_told(tmp_path):
    path = tmp_path / "data.csv.gz"
    path.write_bytes(gzip.compress(100 * b"a,b\n1,2\n")[:-9])
    with pytest.raises(DataError, match="cannot be read"):
        read_csv(path)


def test_a_cell_beyond_all_measure_is_told(write):
    with pytest.raises(DataError, match=r"cannot be read: line 1: field larger"):
        read_csv(write("a" * 200_000 + ",b\n1,2\n"))


@given(st.text(alphabet='ab1.,;"\n\t\r\x00é-e', max_size=60))
def test_any_text_is_read_or_refused_with_our_error(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(text.encode())
    try:
        table = read_csv(path)
    except DataError:
        return
    assert table.values.shape == (len(table.rows), len(table.names))
    assert not np.any(np.isinf(table.values))
