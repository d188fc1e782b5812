/** What the SQL of the stores means on PostgreSQL. They write what both engines understand; this replaces the rest. */

/** Returns a function that translates a statement, so that it names the schema of its tables: behind a pooler, nothing
 * that a session sets is there for the next statement. */
export const dialect = (schema: string, tables: readonly string[]): ((sql: string) => string) => {
  const inSchema = new RegExp(`\\b(FROM|JOIN|INTO|UPDATE)(\\s+)(${tables.join('|')})\\b`, 'g')
  const known = new Map<string, string>()
  const translate = (sql: string): string => {
    let count = 0
    return sql
      .replaceAll(/'(?:[^']|'')*'|\?(\d*)/g, (whole, number: string | undefined) =>
        number === undefined ? whole : `$${number === '' ? (count += 1) : number}`,
      )
      .replaceAll(IN_LIST, '= ANY (ARRAY$1)')
      .replaceAll(IN_ORDER_BY_LIST, '$1 = ANY (ARRAY$2)')
      .replaceAll(IN_ORDER, '$1')
      .replaceAll(LISTED, (_, list: string, name: string | undefined) =>
        name === undefined
          ? `json_array_elements_text(CAST(CAST(${list} AS text) AS json))`
          : `json_array_elements(CAST(CAST(${list} AS text) AS json)) AS ${name}`,
      )
      .replaceAll(JOINED_HEX, "string_agg(encode($1, 'hex'), ''$2)")
      .replaceAll(inSchema, `$1$2${schema}.$3`)
      .replaceAll(/\b(max|min)\(/g, (whole, name: string, at: number, all: string) =>
        hasTwo(all, at + whole.length) ? (name === 'max' ? 'greatest(' : 'least(') : whole,
      )
  }
  return (sql) => {
    const found = known.get(sql)
    if (found !== undefined) return found
    const translated = translate(sql)
    known.set(sql, translated)
    return translated
  }
}

/** A join whose sides SQLite must read in this order. */
const IN_ORDER = /\bCROSS (JOIN\s+\w+(?:\s+AS\s+\w+)?\s+ON\b)/g

/** Such a join whose rows a subquery finds for each row on the left. Compared with an array, they are looked up by an
 * index; otherwise all pairs of rows are compared. */
const IN_ORDER_BY_LIST = /\bCROSS (JOIN\s+\w+\s+ON\s+[\w.]+) IN (\((?:[^()]|\([^()]*\))*\))/g

/** A list of values, which is short: an array is expected to be, and a JSON text to be long. */
const IN_LIST =
  /(?<!\bNOT )\bIN (\(SELECT (?:value|CAST\(value AS bigint\)) FROM json_each\(\$\d+\)\))/g

/** A list as JSON: its values are texts, or with a name, objects. */
const LISTED = /\bjson_each\((\$\d+)\)(?:\s+AS\s+(\w+))?/g

/** Joins the bytes of many rows into one hexadecimal text. */
const JOINED_HEX = /\bgroup_concat\(hex\((\w+)\), ''( ORDER BY \w+)\)/g

/** True if the call whose arguments begin at a position has several: the larger of some values, not of some rows. */
const hasTwo = (sql: string, from: number): boolean => {
  let depth = 0
  for (const char of sql.slice(from)) {
    if (char === '(') depth += 1
    else if (char === ')' && (depth -= 1) < 0) return false
    else if (char === ',' && depth === 0) return true
  }
  return false
}
