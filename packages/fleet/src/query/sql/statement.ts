// SPDX-License-Identifier: Apache-2.0
import { Problem } from '../../web/problem.ts'
import { functionsAllowed, wordsBeforeParenthesis } from './functions-allowed.ts'

/** Characters of a statement that are read at most. */
export const statementCharsMax = 20_000

interface Token {
  readonly kind: 'word' | 'name' | 'sign' | 'value'
  /** Folded as Postgres folds it: lower case, unless it was quoted. */
  readonly text: string
  readonly at: number
}

/**
 * Looks a statement over before it runs: one query, of functions that only compute, over names that are no part of the system. This is the outer
 * fence. What rows the statement sees, and that it changes nothing, the database holds to by itself.
 *
 * Throws `Problem` 422 that says what is refused and where.
 */
export function checkStatement(text: string): void {
  if (text.length > statementCharsMax)
    throw refused(`a statement of more than ${statementCharsMax} characters`, 0)
  if (text.includes('\0')) throw refused('the character U+0000', text.indexOf('\0'))
  const tokens = tokensOf(text)
  const first = tokens.find(({ text: sign }) => sign !== '(')
  if (first === undefined || !['select', 'with', 'values', 'table'].includes(first.text))
    throw refused('what is no query: begin with SELECT, WITH, VALUES or TABLE', first?.at ?? 0)
  for (const [index, token] of tokens.entries()) {
    if (token.text === ';') throw refused('a second statement', token.at)
    if (token.kind !== 'word' && token.kind !== 'name') continue
    const [before, next] = [tokens[index - 1], tokens[index + 1]]
    if (/^(pg_|lo_|fleet_|fasten_|reg[a-z]+$)/.test(token.text) || token.text === 'information_schema')
      throw refused(`${token.text}: names of the system`, token.at)
    if (next?.text !== '(') continue
    // Behind AS stands a name or a type, and what is in the parentheses belongs to it.
    if (before?.text === 'as' && before.kind === 'word') continue
    if (token.kind === 'word' && wordsBeforeParenthesis.has(token.text)) continue
    if (before?.text === '.') throw refused(`${token.text}: functions of a schema that is named`, token.at)
    if (!functionsAllowed.has(token.text)) throw refused(`the function ${token.text}`, token.at)
  }
}

function tokensOf(text: string): readonly Token[] {
  const tokens: Token[] = []
  let at = 0
  const sticky = (pattern: RegExp): string | undefined => {
    const own = new RegExp(pattern.source, 'yu')
    own.lastIndex = at
    return own.exec(text)?.[0]
  }
  const take = (kind: Token['kind'] | 'nothing', found: string, folded = found): void => {
    if (kind !== 'nothing') tokens.push({ kind, text: folded, at })
    at += found.length
  }
  while (at < text.length) {
    const rest = text.slice(at, at + 3)
    const blank = sticky(/[ \t\r\n\f\v]+|--[^\r\n]*/)
    if (blank !== undefined) take('nothing', blank)
    else if (rest.startsWith('/*')) take('nothing', commentAt(text, at))
    else if (/^u&['"]/i.test(rest)) throw refused('text with Unicode escapes (U&)', at)
    else if (/^e'/i.test(rest))
      take('value', whole(sticky(/e'(?:[^'\\]|''|\\[^])*'/) ?? sticky(/E'(?:[^'\\]|''|\\[^])*'/), at))
    else if (/^[bxn]'/i.test(rest)) take('value', whole(sticky(/[bxnBXN]'(?:[^']|'')*'/), at))
    else if (rest.startsWith("'")) take('value', whole(sticky(/'(?:[^']|'')*'/), at))
    else if (rest.startsWith('"')) {
      const name = whole(sticky(/"(?:[^"]|"")*"/), at)
      take('name', name, name.slice(1, -1).replaceAll('""', '"'))
    } else if (rest.startsWith('$')) take('value', dollarQuotedAt(text, at))
    else {
      const word = sticky(/[A-Za-z_\u{80}-\u{10FFFF}][A-Za-z0-9_$\u{80}-\u{10FFFF}]*/u)
      const number = sticky(/[0-9][0-9A-Za-z_.]*/)
      if (word !== undefined) take('word', word, word.toLowerCase())
      else if (number !== undefined) take('value', number)
      else take('sign', String.fromCodePoint(text.codePointAt(at) ?? 0))
    }
  }
  // One at the very end ends nothing but the statement.
  if (tokens.at(-1)?.text === ';' && tokens.at(-1)?.kind === 'sign') tokens.pop()
  return tokens
}

/** Comments nest in Postgres. */
function commentAt(text: string, start: number): string {
  let depth = 0
  for (let at = start; at < text.length;) {
    if (text.startsWith('/*', at)) [depth, at] = [depth + 1, at + 2]
    else if (text.startsWith('*/', at)) {
      depth--
      at += 2
      if (depth === 0) return text.slice(start, at)
    } else at++
  }
  throw refused('a comment without an end', start)
}

function dollarQuotedAt(text: string, start: number): string {
  const open = /^\$(?:[A-Za-z_\u{80}-\u{10FFFF}][A-Za-z0-9_\u{80}-\u{10FFFF}]*)?\$/u.exec(
    text.slice(start, start + 80),
  )?.[0]
  if (open === undefined) throw refused('a parameter', start)
  const end = text.indexOf(open, start + open.length)
  if (end < 0) throw refused('text without an end', start)
  return text.slice(start, end + open.length)
}

function whole(found: string | undefined, at: number): string {
  if (found === undefined) throw refused('text without an end', at)
  return found
}

function refused(what: string, at: number): Problem {
  return new Problem(422, 'SQL_REFUSED', `at character ${at + 1}: ${what} is not taken here`)
}
