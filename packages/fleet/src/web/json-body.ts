// SPDX-License-Identifier: Apache-2.0
import type { FastifyInstance } from 'fastify'
import { readJson } from 'fasten/core'

/**
 * Bodies of `application/json` are what they say on every engine. Fastify's own parser refuses what is no JSON and names that poison
 * prototypes, in the words it has for that, and asks the engine, which may read an escaped name as another one: both are
 * then done again with what was really written.
 */
export function readJsonBodies(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error')
  app.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, body, done) => {
    void parse(request, body, (error, value) => {
      if (error !== null || !body.includes('\\')) return done(error, value)
      const read = readJson(body.replace(/^\ufeff/, ''))
      if (isPoisoned(read))
        done(Object.assign(new SyntaxError('a name poisons prototypes'), { statusCode: 400 }))
      else done(null, read)
    })
  })
}

/** Whether copying the members of any object in it could give something another prototype. */
function isPoisoned(value: unknown): boolean {
  const waiting = [value]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (typeof next !== 'object' || next === null) continue
    if (Object.hasOwn(next, '__proto__')) return true
    const made: unknown = Object.hasOwn(next, 'constructor') ? next.constructor : undefined
    if (typeof made === 'object' && made !== null && Object.hasOwn(made, 'prototype')) return true
    for (const member of Object.values(next)) if (typeof member === 'object') waiting.push(member)
  }
  return false
}
