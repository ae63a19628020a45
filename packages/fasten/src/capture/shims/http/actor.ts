// SPDX-License-Identifier: Apache-2.0
import { actorKinds } from '../../../core/row.ts'
import { currentContext } from '../../context.ts'
import { exchangeOf, type MutableContext } from './exchange-key.ts'
import type { Exchange } from './exchange.ts'
import type { ActorFacts } from './options.ts'

/**
 * Names who is behind the request in progress, from wherever authentication happens: audit rows emitted from now on and
 * the api row carry it. A plain string is a user. Called again it adds to what was said; naming another actor starts
 * afresh, since how one was authenticated says nothing about another. Returns false outside a request, where it does
 * nothing. Throws TypeError for members of the wrong type.
 */
export function setActor(actor: ActorFacts | string): boolean {
  const facts = actorFacts(actor)
  const context = currentContext()
  const exchange = exchangeOf(context)
  if (exchange === undefined || context === undefined) return false
  const known = exchange.actor
  const isAnother = facts.actor !== undefined && known?.actor !== undefined && facts.actor !== known.actor
  exchange.actor = isAnother ? facts : { ...known, ...facts }
  // With a hook the root's members ask the exchange themselves. A copy made by extendContext always needs telling.
  const told = exchange.shim.actor === undefined ? [exchange.context] : []
  if (context !== exchange.context) told.push(context)
  for (const each of told) {
    if (isAnother) for (const name of personal) delete (each as MutableContext)[name]
    Object.assign(each, facts)
  }
  return true
}

/** What belongs to one actor and not to the next. */
const personal = ['actor_kind', 'on_behalf_of', 'auth_method', 'session_id'] as const

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
    exchange.shim.warn(
      'FASTEN_ACTOR_HOOK',
      'the http shim\'s "actor" hook failed; rows go without an actor',
      error,
    )
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
  if (typeof given === 'string') return given === '' ? {} : { actor: given, actor_kind: 'user' }
  if (typeof given !== 'object' || given === null)
    throw new TypeError(`actor: give a string or an object, not ${String(given)}`)
  if ('then' in given) throw new TypeError('actor: the hook must answer at once, not with a promise')
  const facts: { [name: string]: string } = {}
  for (const [name, twin] of factNames) {
    const value: unknown = given[name] ?? given[twin]
    if (value === undefined || value === null) continue
    if (typeof value !== 'string') throw new TypeError(`${name}: give a string, not ${typeof value}`)
    if (name === 'actor_kind' && !actorKinds.some((kind) => kind === value))
      throw new TypeError(`actor_kind: "${value}" is none of ${actorKinds.join(', ')}`)
    facts[name] = value
  }
  return facts
}
