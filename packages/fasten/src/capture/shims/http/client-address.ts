// SPDX-License-Identifier: Apache-2.0
import { BlockList, SocketAddress, isIPv4, isIPv6 } from 'node:net'

/**
 * Which peers may say who their own peer was. `false`: nobody, the socket's peer is the client. A number: that many
 * hops, counted from us. A list: addresses, CIDR blocks, and the words `loopback`, `linklocal`, `uniquelocal`,
 * `private` and `unix` (peers on a Unix socket). A function: asked for each hop, nearest first (hop 0 is the socket).
 * `true`: everybody, which lets any client choose the address in the row; only for closed networks.
 */
export type TrustProxy =
  | boolean
  | number
  | string
  | readonly string[]
  | ((address: string, hop: number) => boolean)

/** Whether the peer at `address` (empty for a Unix socket), `hop` steps from us, may be believed. */
export type Trust = (address: string, hop: number) => boolean

export type ForwardedHeader = 'x-forwarded-for' | 'forwarded'

const blocksByWord: ReadonlyMap<string, readonly string[]> = new Map([
  ['loopback', ['127.0.0.0/8', '::1/128']],
  ['linklocal', ['169.254.0.0/16', 'fe80::/10']],
  ['uniquelocal', ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7']],
  ['private', ['127.0.0.0/8', '::1/128', '10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7']],
])

/** The compiled rule, or undefined when nobody is trusted. Throws TypeError naming `trustProxy` for anything else. */
export function compileTrust(rule: TrustProxy | undefined): Trust | undefined {
  if (rule === undefined || rule === false || rule === 0) return undefined
  if (rule === true) return () => true
  if (typeof rule === 'function') return rule
  if (typeof rule === 'number') {
    if (!Number.isSafeInteger(rule) || rule < 0)
      throw new TypeError(`trustProxy: ${rule} is not a number of hops; give a whole number from 0`)
    return (_address, hop) => hop < rule
  }
  const entries = typeof rule === 'string' ? rule.split(',') : rule
  if (!Array.isArray(entries))
    throw new TypeError('trustProxy: give a boolean, a hop count, a list of addresses or a function')
  return trustBlocks(entries)
}

function trustBlocks(entries: readonly string[]): Trust {
  const blocks = new BlockList()
  let isUnixTrusted = false
  for (const entry of entries) {
    const text = typeof entry === 'string' ? entry.trim() : ''
    if (text === 'unix') isUnixTrusted = true
    else for (const block of blocksByWord.get(text) ?? [text]) addBlock(blocks, block)
  }
  return (address) =>
    address === '' ? isUnixTrusted : blocks.check(address, address.includes(':') ? 'ipv6' : 'ipv4')
}

function addBlock(blocks: BlockList, block: string): void {
  const slash = block.indexOf('/')
  const address = normalAddress(slash === -1 ? block : block.slice(0, slash))
  const bits = slash === -1 ? undefined : block.slice(slash + 1)
  const family = address === undefined || !address.includes(':') ? 'ipv4' : 'ipv6'
  const isWrong =
    address === undefined ||
    (bits !== undefined && (!/^\d{1,3}$/.test(bits) || Number(bits) > (family === 'ipv4' ? 32 : 128)))
  if (isWrong)
    throw new TypeError(
      `trustProxy: "${block}" is neither an address, a CIDR block nor one of ${[...blocksByWord.keys()].join(', ')}, unix`,
    )
  if (bits === undefined) blocks.addAddress(address, family)
  else blocks.addSubnet(address, Number(bits), family)
}

/**
 * The client's address. Starts at the socket's peer and walks the header from right to left for as long as the hop just
 * reached is trusted; the first that is not is the client. Empty list elements are passed over; an element that is not
 * an address ends the walk, because nothing to its left was written by somebody we trust. Undefined for a Unix socket
 * whose peer named nobody.
 */
export function clientAddress(
  peer: string | undefined,
  header: string | undefined,
  kind: ForwardedHeader,
  trust: Trust | undefined,
): string | undefined {
  // A socket's own word needs no proof; only IPv6 has more than one spelling.
  let client = peer === undefined || !peer.includes(':') ? peer : normalAddress(peer)
  if (trust === undefined || header === undefined) return client
  const hops = kind === 'forwarded' ? forwardedFor(header) : header.split(',')
  for (let hop = 0, place = hops.length - 1; place >= 0; place--) {
    const text = (hops[place] ?? '').trim()
    if (text === '') continue
    if (!trust(client ?? '', hop++)) break
    const address = normalAddress(withoutPort(text))
    if (address === undefined) break
    client = address
  }
  return client
}

const forwardedPair = /^\s*([!#$%&'*+\-.^_`|~0-9A-Za-z]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]*))\s*$/

/** The `for` of each element of a `Forwarded` header (RFC 7239), in order; an element that does not parse gives `?`. */
function forwardedFor(header: string): string[] {
  return splitOutsideQuotes(header, ',').map((element) => {
    if (element.trim() === '') return ''
    for (const pair of splitOutsideQuotes(element, ';')) {
      const parts = forwardedPair.exec(pair)
      if (parts === null) return '?'
      if (parts[1]?.toLowerCase() === 'for') return parts[2]?.replace(/\\(.)/g, '$1') ?? parts[3] ?? '?'
    }
    return '?'
  })
}

function splitOutsideQuotes(text: string, separator: string): string[] {
  const parts: string[] = []
  let start = 0
  let isQuoted = false
  for (let at = 0; at < text.length; at++) {
    const character = text[at]
    if (character === '"') isQuoted = !isQuoted
    else if (isQuoted && character === '\\') at++
    else if (!isQuoted && character === separator) {
      parts.push(text.slice(start, at))
      start = at + 1
    }
  }
  parts.push(text.slice(start))
  return parts
}

function withoutPort(text: string): string {
  if (text.startsWith('[')) {
    const close = text.indexOf(']')
    return close !== -1 && /^(?::\d{1,5})?$/.test(text.slice(close + 1)) ? text.slice(1, close) : text
  }
  const colon = text.indexOf(':')
  return colon !== -1 && colon === text.lastIndexOf(':') && /^\d{1,5}$/.test(text.slice(colon + 1))
    ? text.slice(0, colon)
    : text
}

/**
 * One spelling per address: IPv4 as it is, IPv6 compressed and in lower case without a zone, an IPv4 address mapped into
 * IPv6 as the IPv4 address it is. Undefined when `text` is no address.
 */
export function normalAddress(text: string): string | undefined {
  if (isIPv4(text)) return text
  // What a dual-stack socket reports for every IPv4 peer, so it is answered without parsing.
  if (text.startsWith('::ffff:') && isIPv4(text.slice(7))) return text.slice(7)
  if (!isIPv6(text)) return undefined
  const zone = text.indexOf('%')
  const { address } = new SocketAddress({ address: zone === -1 ? text : text.slice(0, zone), family: 'ipv6' })
  return address.startsWith('::ffff:') && isIPv4(address.slice(7)) ? address.slice(7) : address
}
