// SPDX-License-Identifier: Apache-2.0

/** Columns padded to their widest cell; the first to the left, the others to the right. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((_, column) =>
    Math.max(...[header, ...rows].map((row) => row[column]?.length ?? 0)),
  )
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  ')
  return [line(header), widths.map((width) => '─'.repeat(width)).join('──'), ...rows.map(line)].join('\n')
}

/** Three significant digits, thousands set apart: `1.23`, `45.6`, `789`, `12 300`, `1.23 M`. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return '–'
  if (value >= 1e6) return `${(value / 1e6).toPrecision(3)} M`
  if (value >= 1000) return Number(value.toPrecision(3)).toLocaleString('en').replaceAll(',', ' ')
  return value === 0 ? '0' : Number(value.toPrecision(3)).toString()
}
