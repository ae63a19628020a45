// SPDX-License-Identifier: Apache-2.0

/** A place in source code where a code is named. */
export interface CodeUsage {
  readonly code: string
  readonly line: number
  readonly column: number
  /** True where an event is handed over (an object literal with both `code` and `target`), false for any other mention. */
  readonly isEmitted: boolean
}

/**
 * Where a JavaScript or TypeScript text names codes by a literal: `emit({ code: 'ORDER_PLACED', target })`, and every other
 * UPPER_SNAKE word that is a string or a name (`names.ORDER_PLACED`). Comments do not count. A scan, not a parser: it follows strings,
 * templates, comments and braces, and takes a slash where no value can end for a regular expression.
 */
export function codeUsages(source: string): readonly CodeUsage[] {
  const usages: CodeUsage[] = []
  const objects: ObjectLiteral[] = []
  const starts = lineStarts(source)
  const place = (at: number): { line: number; column: number } => {
    const line = lineOf(starts, at)
    return { line, column: at - (starts[line - 1] ?? 0) + 1 }
  }
  let previous = ''
  let pendingKey = ''
  for (const token of tokensOf(source)) {
    const { text, kind, at } = token
    const object = objects.at(-1)
    if (text === '{') objects.push({ code: undefined, hasTarget: false })
    else if (text === '}') {
      const closed = objects.pop()
      if (closed?.code !== undefined && closed.hasTarget) usages.push({ ...closed.code, isEmitted: true })
    } else if (kind === 'string' && upperSnake.test(text)) {
      const mention = { code: text, ...place(at) }
      if (previous === ':' && pendingKey === 'code' && object !== undefined) object.code = mention
      usages.push({ ...mention, isEmitted: false })
    } else if (kind === 'word' && upperSnake.test(text))
      usages.push({ code: text, ...place(at), isEmitted: false })
    if (text === 'target' && object !== undefined && (previous === ',' || previous === '{'))
      object.hasTarget = true
    if (text !== ':') pendingKey = previous === ',' || previous === '{' ? text : ''
    previous = kind === 'sign' ? text : kind
  }
  return usages
}

interface ObjectLiteral {
  code: { readonly code: string; readonly line: number; readonly column: number } | undefined
  hasTarget: boolean
}

interface Token {
  /** Content without quotes for a string. */
  readonly text: string
  readonly kind: 'word' | 'string' | 'sign'
  readonly at: number
}

const upperSnake = /^[A-Z][A-Z0-9_]*$/
const wordStart = /[A-Za-z_$]/
const wordRest = /[\w$]*/y

function* tokensOf(source: string): Generator<Token> {
  let canRegexStart = true
  /** One entry per open template: how many braces are open inside its `${`. */
  const templates: number[] = []
  let at = 0
  while (at < source.length) {
    const character = source[at] as string
    if (/\s/.test(character)) at++
    else if (source.startsWith('//', at)) at = indexOr(source, '\n', at)
    else if (source.startsWith('/*', at)) at = indexOr(source, '*/', at + 2) + 2
    else if (character === '"' || character === "'") {
      const end = endOfString(source, at, character)
      yield { text: source.slice(at + 1, end), kind: 'string', at }
      at = end + 1
      canRegexStart = false
    } else if (character === '`' || (character === '}' && templates.at(-1) === 0)) {
      const isContinued = character === '}'
      const end = endOfTemplate(source, at + 1)
      if (!isContinued && source[end] === '`') yield { text: source.slice(at + 1, end), kind: 'string', at }
      if (isContinued) templates.pop()
      if (source.startsWith('${', end)) templates.push(0)
      at = source.startsWith('${', end) ? end + 2 : end + 1
      canRegexStart = source.startsWith('${', end)
    } else if (wordStart.test(character)) {
      wordRest.lastIndex = at
      const word = wordRest.exec(source)?.[0] ?? character
      yield { text: word, kind: 'word', at }
      at += word.length
      canRegexStart = /^(?:return|typeof|case|in|of|delete|void|throw|new|await|yield)$/.test(word)
    } else if (character === '/' && canRegexStart) at = endOfRegex(source, at)
    else {
      const open = templates.length - 1
      if (open >= 0 && character === '{') templates[open] = (templates[open] ?? 0) + 1
      if (open >= 0 && character === '}') templates[open] = (templates[open] ?? 0) - 1
      yield { text: character, kind: 'sign', at }
      at++
      canRegexStart = !/[)\]}\d]/.test(character)
    }
  }
}

function indexOr(source: string, sought: string, from: number): number {
  const found = source.indexOf(sought, from)
  return found < 0 ? source.length : found
}

function endOfString(source: string, start: number, quote: string): number {
  for (let at = start + 1; at < source.length; at++) {
    if (source[at] === '\\') at++
    else if (source[at] === quote || source[at] === '\n') return at
  }
  return source.length
}

function endOfTemplate(source: string, start: number): number {
  for (let at = start; at < source.length; at++) {
    if (source[at] === '\\') at++
    else if (source[at] === '`' || source.startsWith('${', at)) return at
  }
  return source.length
}

function endOfRegex(source: string, start: number): number {
  let isInClass = false
  for (let at = start + 1; at < source.length; at++) {
    const character = source[at]
    if (character === '\\') at++
    else if (character === '[') isInClass = true
    else if (character === ']') isInClass = false
    else if (character === '\n') return start + 1
    else if (character === '/' && !isInClass) return at + 1
  }
  return source.length
}

function lineStarts(source: string): readonly number[] {
  const starts = [0]
  for (let at = source.indexOf('\n'); at >= 0; at = source.indexOf('\n', at + 1)) starts.push(at + 1)
  return starts
}

function lineOf(starts: readonly number[], at: number): number {
  let [low, high] = [0, starts.length]
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if ((starts[middle] ?? 0) <= at) low = middle
    else high = middle
  }
  return low + 1
}
