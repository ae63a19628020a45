// SPDX-License-Identifier: Apache-2.0

export type Part = 'comments' | 'strings'

/**
 * The source with comments, or comments and the contents of strings, replaced by spaces: same length, same lines, so that an
 * index found in it is an index in the original. Code inside `${…}` stays. Knows enough of the language to tell a regular
 * expression from a division; not a parser.
 */
export function blank(source: string, parts: readonly Part[]): string {
  const out = source.split('')
  const wipe = (from: number, to: number): void => {
    for (let at = from; at < to; at++) if (out[at] !== '\n') out[at] = ' '
  }
  const wipesStrings = parts.includes('strings')
  // Depth of braces inside each open `${`, innermost last.
  const templates: number[] = []
  let before = ''
  let at = 0
  while (at < source.length) {
    const here = source[at] ?? ''
    const two = source.slice(at, at + 2)
    let end = at + 1
    if (two === '//' || (at === 0 && two === '#!')) {
      end = endOr(source.indexOf('\n', at), source.length)
      if (parts.includes('comments')) wipe(at, end)
    } else if (two === '/*') {
      end = endOr(source.indexOf('*/', at + 2) + 2, source.length, 1)
      if (parts.includes('comments')) wipe(at, end)
    } else if (here === "'" || here === '"') {
      end = endOfQuoted(source, at, here)
      if (wipesStrings) wipe(at + 1, end - 1)
      before = here
    } else if (here === '`' || (here === '}' && templates.at(-1) === 0)) {
      if (here === '}') templates.pop()
      const stop = endOfTemplatePart(source, at + 1)
      const isOpen = source[stop] === '$'
      if (wipesStrings) wipe(at + 1, stop)
      if (isOpen) templates.push(0)
      end = stop + (isOpen ? 2 : 1)
      before = isOpen ? '{' : '`'
    } else if (here === '/' && startsRegex(source, at, before)) {
      end = endOfRegex(source, at)
      if (wipesStrings) wipe(at + 1, end - 1)
      before = '/'
    } else {
      const last = templates.length - 1
      if (here === '{' && last >= 0) templates[last] = (templates[last] ?? 0) + 1
      if (here === '}' && last >= 0) templates[last] = (templates[last] ?? 0) - 1
      if (!/\s/.test(here)) before = here
    }
    at = end
  }
  return out.join('')
}

const endOr = (found: number, otherwise: number, missing = -1): number =>
  found === missing ? otherwise : found

function endOfQuoted(source: string, start: number, quote: string): number {
  for (let at = start + 1; at < source.length; at++) {
    if (source[at] === '\\') at++
    else if (source[at] === quote || source[at] === '\n') return at + 1
  }
  return source.length
}

/** Index of the closing backtick or of the `$` of `${`. */
function endOfTemplatePart(source: string, start: number): number {
  for (let at = start; at < source.length; at++) {
    if (source[at] === '\\') at++
    else if (source[at] === '`' || (source[at] === '$' && source[at + 1] === '{')) return at
  }
  return source.length
}

function startsRegex(source: string, at: number, before: string): boolean {
  if (before === '' || /[(,=:[!&|?{};+\-*%<>~^]/.test(before)) return true
  return /\b(return|typeof|case|in|of|delete|void|throw|new|await|yield)\s*$/.test(
    source.slice(Math.max(0, at - 12), at),
  )
}

function endOfRegex(source: string, start: number): number {
  let isInClass = false
  for (let at = start + 1; at < source.length; at++) {
    const here = source[at]
    if (here === '\\') at++
    else if (here === '\n') return at
    else if (here === '[') isInClass = true
    else if (here === ']') isInClass = false
    else if (here === '/' && !isInClass) return at + 1
  }
  return source.length
}
