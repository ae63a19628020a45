// SPDX-License-Identifier: Apache-2.0

/** A generated page: a note where it comes from, a title, then blocks parted by blank lines. */
export function page(title: string, source: string, blocks: readonly string[]): string {
  const note = `<!-- Made by \`npm run generate\` from ${source}; edit that instead. -->`
  return `${[note, `# ${title}`, ...blocks].join('\n\n')}\n`
}

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

/** Pipes would end the cell; line breaks would end the row. */
const cell = (text: string): string => text.replaceAll('|', '\\|').replace(/\s*\n\s*/g, ' ')

export const code = (text: string): string => `\`${text}\``
