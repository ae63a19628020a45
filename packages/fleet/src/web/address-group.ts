// SPDX-License-Identifier: Apache-2.0
import { isIPv6, SocketAddress } from 'node:net'

/** What limits count as one caller: an IPv4 address, or the /64 of an IPv6 one, all of which one subscriber usually has. */
export function addressGroup(address: string): string {
  const v4 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  if (v4 !== undefined) return v4
  if (!isIPv6(address)) return address
  // Node.js writes it in the shortest form; the groups left out are made visible again.
  const { address: short } = new SocketAddress({ address, family: 'ipv6' })
  const [head = '', tail] = short.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? [] : Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0')
  return `${[...left, ...zeros, ...right].slice(0, 4).join(':')}::/64`
}
