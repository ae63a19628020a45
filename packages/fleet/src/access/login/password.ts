// SPDX-License-Identifier: Apache-2.0
import { hash, verify } from '@node-rs/argon2'
import { Problem } from '../../web/problem.ts'

/** Characters; below are passwords that are guessed, above is work that an attacker would make us do. */
export const passwordCharacters = { min: 12, max: 1024 } as const

/** argon2id with 19 MiB and two passes: about 50 ms, what OWASP's cheat sheet asks for at least (2025). In PHC form, so raising it later is possible. */
export function hashPassword(password: string): Promise<string> {
  return inTurn(() => hash(prepared(password), { memoryCost: 19_456, timeCost: 2, parallelism: 1 }))
}

/**
 * Whether it is the password. For a user that is not there, or has none, `stored` is undefined: the answer is then no, after the same work, so
 * that its time does not tell who exists.
 */
export async function isPassword(password: string, stored: string | undefined): Promise<boolean> {
  const matches = await inTurn(async () => verify(stored ?? (await nobodys()), prepared(password)))
  return matches && stored !== undefined
}

/** Throws Problem 400 `WEAK_PASSWORD` for a new password that is too short, too long, the old one, or the user's name. */
export function checkNewPassword(
  password: string,
  about: { readonly name: string; readonly old?: string },
): void {
  const { length } = [...password]
  const { min, max } = passwordCharacters
  const refuse = (why: string): never => {
    throw new Problem(400, 'WEAK_PASSWORD', why, {
      hint: 'several random words, or what a password manager draws',
    })
  }
  if (length < min) refuse(`a password has at least ${min} characters`)
  if (length > max) refuse(`a password has at most ${max} characters`)
  if (prepared(password) === prepared(about.old ?? '')) refuse('the new password is the old one')
  if (password.toLowerCase().includes(about.name.toLowerCase()))
    refuse("a password does not hold its user's name")
  if (new Set(password).size < 5) refuse('a password has at least five different characters')
}

/** One text, however a keyboard composes it. */
const prepared = (password: string): string => password.normalize('NFKC')

let nobodysHash: Promise<string> | undefined
const nobodys = (): Promise<string> =>
  (nobodysHash ??= hash('the password of nobody', { memoryCost: 19_456, timeCost: 2, parallelism: 1 }))

/** Two at a time: each takes a thread of Node.js's pool and 19 MiB, and files and name look-ups need that pool too. */
const atOnceMax = 2
const waitingMax = 100
let running = 0
const waiting: (() => void)[] = []

async function inTurn<T>(work: () => Promise<T>): Promise<T> {
  if (running >= atOnceMax) {
    if (waiting.length >= waitingMax)
      throw new Problem(503, 'BUSY', 'too many people log in at this moment', { retryAfterS: 2 })
    await new Promise<void>((resolve) => waiting.push(resolve))
  } else running++
  try {
    return await work()
  } finally {
    // The place is handed on, so that nobody who comes in between takes it.
    const next = waiting.shift()
    if (next === undefined) running--
    else next()
  }
}
