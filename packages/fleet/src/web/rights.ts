// SPDX-License-Identifier: Apache-2.0
import { narrowed, scopeText, type TenantScope } from '../database/tenant-scope.ts'
import type { Permission } from './principal.ts'

/** Over which rows something is allowed. */
export interface Reach {
  readonly tenants: TenantScope
  /** Codes, each exact or a prefix that ends in `*`; undefined for all. */
  readonly codes?: readonly string[]
}

/** What can be narrowed to codes. Other permissions are not held at all through a right that names codes: what they show is not of one code. */
const readByCode: ReadonlySet<Permission> = new Set(['audit:read', 'audit:export'])

/** Permissions, and where they hold: one grant, or what a key was made for. */
export interface Right extends Reach {
  readonly permissions: ReadonlySet<Permission>
}

/** All that somebody holds, in the order of being granted. Rights over different tenants stay apart: they never add up to more. */
export type Rights = readonly Right[]

/**
 * Where one permission holds, or undefined where it does not at all. Rights that are not bound to codes go before those that are; of several
 * that are, only those over the same tenants as the first are added to it, since no one filter says "these codes there and those here".
 */
export function reachOf(rights: Rights, permission: Permission): Reach | undefined {
  const held = rights.filter(
    (right) => right.permissions.has(permission) && (right.codes === undefined || readByCode.has(permission)),
  )
  const whole = held.filter(({ codes }) => codes === undefined)
  if (whole.length > 0) return { tenants: joined(whole) }
  const [first] = held
  if (first === undefined) return undefined
  const same = held.filter(({ tenants }) => scopeText(tenants) === scopeText(first.tenants))
  return { tenants: first.tenants, codes: [...new Set(same.flatMap(({ codes }) => codes ?? []))] }
}

/** Whether everything in `inner` lies in `outer` too. */
export function covers(outer: Reach, inner: Reach): boolean {
  return coversTenants(outer.tenants, inner.tenants) && coversCodes(outer.codes, inner.codes)
}

/** The permissions that hold in all of `reach`. */
export function permissionsIn(rights: Rights, reach: Reach): ReadonlySet<Permission> {
  const all = new Set(rights.flatMap(({ permissions }) => [...permissions]))
  return new Set(
    [...all].filter((permission) => {
      const own = reachOf(rights, permission)
      return own !== undefined && covers(own, reach)
    }),
  )
}

/** What is left of `right` to whoever holds no more than `limits`: one right per permission. */
export function withinLimits(right: Right, limits: Rights): Rights {
  return [...right.permissions].flatMap((permission) => {
    const limit = reachOf(limits, permission)
    if (limit === undefined) return []
    const tenants = narrowed(right.tenants, limit.tenants)
    const codes = narrowedCodes(right.codes, limit.codes)
    const isNothing = tenants.length === 0 || codes?.length === 0
    return isNothing
      ? []
      : [{ permissions: new Set([permission]), tenants, ...(codes === undefined ? {} : { codes }) }]
  })
}

function joined(reaches: readonly Reach[]): TenantScope {
  const tenants: string[] = []
  for (const reach of reaches) {
    if (reach.tenants === 'all') return 'all'
    tenants.push(...reach.tenants)
  }
  return [...new Set(tenants)]
}

function coversTenants(outer: TenantScope, inner: TenantScope): boolean {
  return outer === 'all' || (inner !== 'all' && inner.every((tenant) => outer.includes(tenant)))
}

function coversCodes(outer: readonly string[] | undefined, inner: readonly string[] | undefined): boolean {
  if (outer === undefined) return true
  return inner !== undefined && inner.every((code) => outer.some((pattern) => matchesAll(pattern, code)))
}

function narrowedCodes(
  codes: readonly string[] | undefined,
  to: readonly string[] | undefined,
): readonly string[] | undefined {
  if (codes === undefined) return to
  if (to === undefined) return codes
  return [
    ...new Set([
      ...codes.filter((code) => to.some((pattern) => matchesAll(pattern, code))),
      ...to.filter((code) => codes.some((pattern) => matchesAll(pattern, code))),
    ]),
  ]
}

/** Whether `pattern` matches every code that `inner`, itself a code or a pattern, does. */
function matchesAll(pattern: string, inner: string): boolean {
  return pattern === inner || (pattern.endsWith('*') && inner.startsWith(pattern.slice(0, -1)))
}
