// SPDX-License-Identifier: Apache-2.0
import { currentContext } from '../../context.ts'
import { exchangeOf } from './exchange-key.ts'
import type { Exchange } from './exchange.ts'
import type { ActorFacts } from './options.ts'

/**
 * Names who is behind the request in progress, from wherever authentication happens: audit rows emitted from now on and
 * the api row carry it. Called again, it adds to what was said. Returns false outside a request, where it does nothing.
 * Throws TypeError for members of the wrong type.
 */
export function setActor(actor: ActorFacts | string): boolean {
  const facts = actorFacts(actor)
  const context = currentContext()
  const exchange = exchangeOf(context)
  if (exchange === undefined || context === undefined) return false
  exchange.actor = { ...exchange.actor, ...facts }
  // With a hook the root's members ask the exchange themselves. A copy made by extendContext always needs telling.
  if (exchange.shim.actor === undefined) Object.assign(exchange.context, facts)
  if (context !== exchange.context) Object.assign(context, facts)
  return true
}

/** Who is behind an exchange, as far as it is known; asks the hook if that has not answered yet. */
export function actorOf(exchange: Exchange): ActorFacts | undefined {
  const hook = exchange.shim.actor
  // A hook that emits or logs would be asked again by its own row.
  if (hook === undefined || exchange.isAskingActor || exchange.isEnded || exchange.actor?.actor !== undefined)
    return exchange.actor
  exchange.isAskingActor = true
  try {
    const answer = hook(exchange.request)
    if (answer !== undefined && answer !== null) exchange.actor = { ...actorFacts(answer), ...exchange.actor }
  } catch (error) {
    exchange.shim.warn('FASTEN_ACTOR_HOOK', 'the http shim\'s "actor" hook failed; rows go without an actor', error)
  } finally {
    exchange.isAskingActor = false
  }
  return exchange.actor
}

const factNames = [
  ['actor', 'actor'],
  ['actor_kind', 'actorKind'],
  ['on_behalf_of', 'onBehalfOf'],
  ['auth_method', 'authMethod'],
  ['session_id', 'sessionId'],
  ['tenant_id', 'tenantId'],
] as const

function actorFacts(given: ActorFacts | string): ActorFacts {
  if (typeof given === 'string') return given === '' ? {} : { actor: given }
  if (typeof given !== 'object' || given === null)
    throw new TypeError(`actor: give a string or an object, not ${String(given)}`)
  if ('then' in given) throw new TypeError('actor: the hook must answer at once, not with a promise')
  const facts: { [name: string]: string } = {}
  for (const [name, twin] of factNames) {
    const value: unknown = given[name] ?? given[twin]
    if (value === undefined || value === null) continue
    if (typeof value !== 'string') throw new TypeError(`${name}: give a string, not ${typeof value}`)
    facts[name] = value
  }
  return facts
}
