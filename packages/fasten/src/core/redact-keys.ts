// SPDX-License-Identifier: Apache-2.0
import {
  cardWords,
  descriptors,
  identifierWords,
  lookalikes,
  measures,
  neverWords,
  publicHandles,
  questions,
  secretNouns,
  secretPairs,
  secretPhrases,
  secretWords,
} from './redact-words.ts'

/**
 * What a member's name says about its value.
 * `secret`: the value is replaced, whatever its type. `count`: the name counts or asks about secrets, so numbers and
 * booleans stay and text is replaced. `plain`: the name says nothing; only the shape of the value counts.
 */
export type KeyVerdict = 'secret' | 'count' | 'plain'

/**
 * How digits under this name are judged by the card rule (redact-cards.ts). `card`: the Luhn digit is enough.
 * `text`: the leading digits must be some issuer's. `identifier`: prefix and length must be those of one brand.
 * `never`: times, sizes, telephone and device numbers.
 */
export type DigitRule = 'card' | 'text' | 'identifier' | 'never'

export interface KeyClass {
  readonly verdict: KeyVerdict
  readonly digits: DigitRule
}

export interface KeyRules {
  /** Literal names to redact besides the built-in ones, without regard to case. */
  readonly extraKeys: readonly string[]
  /** Literal whole names that are never redacted by name, without regard to case; wins over everything else. */
  readonly allowKeys: readonly string[]
}

/**
 * A judge of member names. Pure in its answer, remembers up to 4,096 names so that a known one costs a look-up.
 *
 * A name is cut into words at case changes and punctuation. It is secret when a word contains a secret noun
 * (`customer_token`) or neighbouring words spell one (`apiKey`, `api-key`, `apikey`), unless the name's head says that it
 * is something *about* a secret: its last word describes (`token_count`, `cookie_consent`, `password_changed_at`), a word
 * merely looks alike (`secretary`, `tokenizer`), or it counts (`prompt_tokens`, `has_password`).
 *
 * An added key of four characters or fewer must be a whole word of the name (`pin` hits `user_pin` and `pinCode`, not
 * `shipping`); a longer one may stand anywhere in it. Source: spec/redaction.md#names.
 */
export function createKeyJudge(rules: KeyRules): (key: string) => KeyClass {
  const allowed = new Set(rules.allowKeys.map((key) => key.toLowerCase()))
  const added = rules.extraKeys.map((key) => key.toLowerCase()).filter((key) => key !== '')
  const known = new Map<string, KeyClass>()

  return (key) => {
    const remembered = known.get(key)
    if (remembered !== undefined) return remembered
    const judged = judge(key)
    if (key.length <= nameCharsRemembered) {
      // A flood of invented names must not grow without bound; starting again costs only time.
      if (known.size >= namesRemembered) known.clear()
      known.set(key, judged)
    }
    return judged
  }

  function judge(key: string): KeyClass {
    // Beyond this length no name is judged by its words; the tail of a giant key is where nobody names a secret.
    const name = key.length > 512 ? key.slice(0, 512) : key
    const lower = name.toLowerCase()
    if (allowed.has(lower)) return { verdict: 'plain', digits: 'never' }
    const words = wordsOf(name)
    if (added.some((literal) => stands(literal, lower, words))) return secretKey
    const verdict =
      mayBeSecret.test(lower) || !ascii.test(lower) ? verdictOf(words.flatMap(unglued)) : 'plain'
    return verdict === 'secret' ? secretKey : { verdict, digits: digitRuleOf(words) }
  }
}

const namesRemembered = 4_096
const nameCharsRemembered = 128
/** Every secret noun has one of these; most names have none and need no closer look. */
const mayBeSecret =
  /pass|pwd|token|secret|authori|bearer|cookie|credential|key|private|session|cv[vc]|csc|otp|jwt|code|phrase|mnemonic/
const ascii = /^[\x00-\x7f]*$/
const secretKey: KeyClass = { verdict: 'secret', digits: 'card' }

const pairRuns: readonly string[] = secretPairs.map(([first, second]) => first + second)

function verdictOf(words: readonly string[]): KeyVerdict {
  const hit = lastSecret(words)
  if (hit === undefined) {
    // A lone `pass` is a password in mail and database settings and an answer in test reports.
    return words.length === 1 && words[0] === 'pass' ? 'count' : 'plain'
  }
  const head = words.at(-1)
  if (hit.end < words.length && head !== undefined) {
    if (descriptors.has(head)) return 'plain'
    if ((head === 'id' || head === 'ids') && publicHandles.has(hit.noun)) return 'plain'
  }
  // `password_reset: true` is an event; `password_reset: "…"` may carry the link that does it.
  if (head === 'reset') return 'count'
  const before = words.slice(0, hit.start)
  if (before[0] !== undefined && questions.has(before[0])) return 'count'
  if (hit.end === words.length && hit.noun.endsWith('s') && !hit.noun.endsWith('ss')) {
    if (hit.noun === 'tokens' && before.length === 0) return 'count'
    if (before.some((word) => measures.has(word))) return 'count'
  }
  return hit.end === words.length && before.at(-1) === 'per' ? 'count' : 'secret'
}

interface Hit {
  /** Index of the first word of the noun, and of the first word after it. */
  readonly start: number
  readonly end: number
  /** The word or joined words that hit. */
  readonly noun: string
}

function lastSecret(words: readonly string[]): Hit | undefined {
  for (let index = words.length - 1; index >= 0; index--) {
    const word = words[index] ?? ''
    if (lookalikes.has(word)) continue
    if (secretWords.has(word) || secretNouns.some((noun) => word.includes(noun))) {
      return { start: index, end: index + 1, noun: word }
    }
    const previous = words[index - 1]
    if (previous === undefined) continue
    const pair = previous + word
    if (
      secretPhrases.has(pair) ||
      secretPairs.some(([first, second]) => previous.endsWith(first) && word.startsWith(second))
    ) {
      return { start: index - 1, end: index + 1, noun: pair }
    }
    const triple = `${words[index - 2] ?? ''}${pair}`
    if (secretPhrases.has(triple)) return { start: index - 2, end: index + 1, noun: triple }
  }
  return undefined
}

function digitRuleOf(words: readonly string[]): DigitRule {
  const isIdentifier = words.some((word) => identifierWords.has(word))
  if (words.some((word) => cardWords.has(word))) return isIdentifier ? 'text' : 'card'
  if (words.some((word) => neverWords.has(word))) return 'never'
  return isIdentifier ? 'identifier' : 'text'
}

/** Whether an added literal stands in the name; see `createKeyJudge` for the rule about short ones. */
function stands(literal: string, lower: string, words: readonly string[]): boolean {
  if (literal.length > 4) return lower.includes(literal)
  return lower === literal || words.includes(literal)
}

/**
 * Lower-case words of a name: cut at anything but letters and digits, between lower and upper case (`apiKey`) and before
 * the last capital of a run (`APIKey`).
 */
function wordsOf(name: string): readonly string[] {
  return (ascii.test(name) ? name : name.normalize('NFKC'))
    .replace(/(\p{Ll}|\p{N})(\p{Lu})/gu, '$1 $2')
    .replace(/(\p{Lu})(\p{Lu}\p{Ll})/gu, '$1 $2')
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== '')
}

/** Cuts around a secret noun that is written together with others: `tokencount` → `token count`, `prompttokens` → `prompt tokens`, `myapikeyname` → `my api key name`. */
function unglued(word: string): readonly string[] {
  if (lookalikes.has(word)) return [word]
  for (let index = 0; index < pairRuns.length; index++) {
    const run = pairRuns[index] ?? ''
    const at = word.lastIndexOf(run)
    const [first, second] = secretPairs[index] ?? ['', '']
    if (at >= 0)
      return [word.slice(0, at), first, second, word.slice(at + run.length)].filter((part) => part !== '')
  }
  for (const noun of secretNouns) {
    const at = word.lastIndexOf(noun)
    if (at < 0) continue
    const plural = word.startsWith('s', at + noun.length) ? 1 : 0
    const end = at + noun.length + plural
    const [before, after] = [word.slice(0, at), word.slice(end)]
    // Only known neighbours are cut off; an unknown tail stays with its noun and the whole stays secret.
    const isKnown =
      (before === '' || measures.has(before) || questions.has(before)) &&
      (after === '' || descriptors.has(after))
    if (isKnown) return [before, word.slice(at, end), after].filter((part) => part !== '')
  }
  return [word]
}
