// SPDX-License-Identifier: Apache-2.0

/** A heading and one line for each row, in columns. Characters that would steer a terminal are shown as escapes. */
export function tableLines(
  columns: readonly string[],
  rows: readonly (readonly unknown[])[],
): readonly string[] {
  const cells = [columns, ...rows.map((row) => row.map(cellText))].map((row) => row.map(visible))
  const widths = columns.map((_, index) => Math.max(...cells.map((row) => row[index]?.length ?? 0)))
  return cells.map((row) =>
    row
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}

function cellText(value: unknown): string {
  if (value === null || value === undefined) return '-'
  return typeof value === 'string' ? value : JSON.stringify(value)
}

export const visible = (text: string): string =>
  text.replaceAll(
    /[\p{Cc}\p{Cf}\u2028\u2029]/gu,
    (character) => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
  )
