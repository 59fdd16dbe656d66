#!/bin/sh
# Turns the Unicode Character Database into JSON lines for `gyre load`: one key for every assigned character, such as
#   {"key":"u:0041","value":"{\"name\":\"LATIN CAPITAL LETTER A\",\"category\":\"Lu\",...}"}
# Usage: make_dataset.sh [UnicodeData.txt] > characters.jsonl
set -eu

source=${1:-/usr/share/unicode/UnicodeData.txt}
if [ ! -r "$source" ]; then
  echo "make_dataset.sh: $source is missing: apt-get install unicode-data, or name the file" >&2
  exit 1
fi

# SOURCE of the fields: Unicode Standard Annex 44, table "UnicodeData.txt fields". No field holds a quote or backslash.
exec awk -F ';' '
  function member(name, text) {
    return text == "" ? "" : ",\\\"" name "\\\":\\\"" text "\\\""
  }
  function reference(name, code) {
    return code == "" ? "" : member(name, "u:" code)
  }
  NF == 15 {
    name = ($2 == "<control>" && $11 != "") ? $11 : $2
    printf "{\"key\":\"u:%s\",\"value\":\"{\\\"name\\\":\\\"%s\\\"%s%s%s%s%s%s%s}\"}\n", $1, name,
      member("category", $3), member("bidi", $5), member("decomposition", $6), member("numeric", $9),
      reference("upper", $13), reference("lower", $14), reference("title", $15)
  }
' "$source"
