// SPDX-License-Identifier: Apache-2.0
import type { Look, Style } from './paint.ts'
import { cut, width } from './width.ts'

export interface Column<T> {
  readonly title: string
  /** The cell's text, `visible` already. */
  readonly text: (item: T) => string
  readonly style?: (item: T) => Style
  readonly align?: 'left' | 'right'
  /** As for `Part`: cells of this column give way when the table is wider than the terminal. */
  readonly yields?: number
  readonly keeps?: number
  readonly cut?: 'end' | 'middle'
}

/** Lines of a table with one head line, columns as wide as their widest cell. No lines for no items. */
export function table<T>(items: readonly T[], columns: readonly Column<T>[], look: Look): readonly string[] {
  if (items.length === 0) return []
  const widths = shrunk(
    columns,
    columns.map((column) => Math.max(width(column.title), ...items.map((item) => width(column.text(item))))),
    look.columns,
  )
  const row = (text: (column: Column<T>) => string, style: (column: Column<T>) => Style): string =>
    columns
      .map((column, index) => {
        const shown = cut(text(column), widths[index] ?? 0, column.cut)
        const space = ' '.repeat(Math.max(0, (widths[index] ?? 0) - width(shown)))
        const painted = look.paint(style(column), shown)
        return column.align === 'right' ? space + painted : painted + space
      })
      .join('  ')
      .trimEnd()
  return [
    row(
      (column) => column.title,
      () => 'quiet',
    ),
    ...items.map((item) =>
      row(
        (column) => column.text(item),
        (column) => column.style?.(item) ?? 'plain',
      ),
    ),
  ]
}

/** Column widths that fit the terminal, taken from the columns that may give way, in their order. */
function shrunk<T>(
  columns: readonly Column<T>[],
  widths: readonly number[],
  room: number | null,
): readonly number[] {
  const result = [...widths]
  if (room === null) return result
  const order = columns
    .map((column, index) => ({ column, index }))
    .filter(({ column }) => column.yields !== undefined)
    .sort((a, b) => (a.column.yields ?? 0) - (b.column.yields ?? 0))
  for (const { column, index } of order) {
    const total = result.reduce((sum, each) => sum + each, 0) + 2 * (result.length - 1)
    if (total <= room) break
    result[index] = Math.max(column.keeps ?? 8, (result[index] ?? 0) - (total - room))
  }
  return result
}
