// SPDX-License-Identifier: Apache-2.0
import { lookup } from 'node:dns'
import { BlockList, isIP, type LookupFunction } from 'node:net'
import { PullError } from './pull-error.ts'

/** Whether the fleet may ask an address of a private network. Whoever adds a source says an address, and the fleet stands where they may not. */
export type PrivateAddresses = 'refuse' | 'allow'

/** Throws PullError `ADDRESS_REFUSED` for a host that is written as an address which is never, or with `refuse` not, to be asked. */
export function refuseAddress(host: string, policy: PrivateAddresses): void {
  const bare = host.replace(/^\[|\]$/g, '')
  if (isIP(bare) !== 0 && !isAllowed(bare, policy)) throw refused(bare)
}

/**
 * Resolves names for a connection and hands out only addresses that may be asked. Judged here, where the connection is made, so that a name which answers
 * otherwise the second time gains nothing.
 */
export function guardedLookup(policy: PrivateAddresses): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error !== null) return callback(error, '', 0)
      const wrong = found.find(({ address }) => !isAllowed(address, policy))
      const [first] = found
      if (wrong !== undefined || first === undefined)
        return callback(refused(wrong?.address ?? hostname), '', 0)
      if (options.all === true) return callback(null, found)
      callback(null, first.address, first.family)
    })
  }
}

export function isAllowed(address: string, policy: PrivateAddresses): boolean {
  const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
  if (never.check(address, family)) return false
  return policy === 'allow' || !privately.check(address, family)
}

/** Where nothing lies that anybody would name as a source: this host as a whole, the link with its metadata services, many at once, what is reserved. */
const never = listOf([
  ['0.0.0.0', 8],
  ['169.254.0.0', 16],
  ['192.0.0.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
  ['::', 128],
  ['fe80::', 10],
  ['ff00::', 8],
  ['fd00:ec2::', 32],
])

const privately = listOf([
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['::1', 128],
  ['fc00::', 7],
  // Other ways to write an address of version 4.
  ['64:ff9b::', 96],
  ['2002::', 16],
])

function listOf(nets: readonly (readonly [string, number])[]): BlockList {
  const list = new BlockList()
  // An address of version 4 that is written as one of version 6 is checked against those of version 4 by BlockList itself.
  for (const [net, prefix] of nets) list.addSubnet(net, prefix, net.includes(':') ? 'ipv6' : 'ipv4')
  return list
}

const refused = (address: string): PullError =>
  new PullError('ADDRESS_REFUSED', `${address} is an address that this fleet does not ask`)
