#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A second reading of spec/canonical.md, spec/chain.md and spec/proofs.md, from the text alone: Python 3.9, standard library, openssl.

    python3 spec/conform/conform.py canonical < case.json

Answers vectors as spec/conform.md says. It is not fast and not a library; it exists so that the contract is known to be
implementable from its words, and so that the vectors do not merely repeat what one program does.
"""
import base64
import hashlib
import json
import os
import re
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
sys.dont_write_bytecode = True
import verify as proofs  # noqa: E402
from verify import Refused, canonical, is_canonical, leaf_hash, root_of as root, sha256  # noqa: E402

LEAF_BYTES_MAX = 65535
BREAKS_LISTED_MAX = 1000


# --- spec/chain.md -------------------------------------------------------------------------------------------------


def place(draft, head):
    parts = draft.split(b'\0')
    before, after = parts[0], parts[-1]
    if len(parts) != 4 or not (before.startswith(b'{') and len(before) > 1 and after.startswith(b',') and after.endswith(b'}')):
        raise Refused('DRAFT_MALFORMED')
    log = ',"log":' + json.dumps(head['log'], ensure_ascii=False)
    seq = ',"monotonic_seq":%d' % head['size']
    prev = ',"prev_hash":"%s"' % head['head_hash']
    leaf = before + log.encode() + parts[1] + seq.encode() + parts[2] + prev.encode() + after
    if len(leaf) > LEAF_BYTES_MAX:
        raise Refused('ROW_TOO_LARGE')
    return leaf


COLUMNS = {
    'audit': 'id timestamp code action severity domain category outcome actor actor_kind on_behalf_of target method request_id trace_id'
    ' service_id source_node_id tenant_id pii_in_detail prev_hash canonical_form_id wire_version',
    'sys': 'id timestamp level event logger request_id trace_id service_id source_node_id tenant_id',
    'api': 'id timestamp method path route status duration_us actor request_id trace_id service_id source_node_id tenant_id',
}
LOG_NAME = re.compile(r'(?:[A-Za-z0-9._-]|%[0-9A-F]{2})+(?:/(?:[A-Za-z0-9._-]|%[0-9A-F]{2})+){2}/(audit|sys|api)(?:~(?:[2-9]|[1-9]\d{1,8}))?')
MISSING = object()


def column(member):
    if isinstance(member, bool):
        return int(member)
    return None if isinstance(member, (dict, list)) else member


def same(a, b):
    return type(a) is type(b) and a == b if isinstance(a, (str, type(None))) or isinstance(b, (str, type(None))) else a == b


class Breaks:
    def __init__(self):
        self.found, self.gaps, self.latest = [], [], None

    def add(self, kind, index, cause=None):
        if cause is not None and self.latest == (kind, cause, index - 1):
            self.found[-1]['to_index'] = index
        else:
            self.found.append({'kind': kind, 'from_index': index, 'to_index': index})
        self.latest = None if cause is None else (kind, cause, index)

    def gap(self, start, end):
        self.gaps.append((start, end))

    def fill(self, index):
        for at, (start, end) in enumerate(self.gaps):
            if start <= index <= end:
                self.gaps[at:at + 1] = [g for g in ((start, index - 1), (index + 1, end)) if g[0] <= g[1]]
                return True
        return False

    def listed(self):
        missing = [{'kind': 'rows_missing', 'from_index': a, 'to_index': b} for a, b in self.gaps]
        return sorted(self.found + missing, key=lambda found: found['from_index'])


def explained(waiting, log, seq, members):
    """How many rows without a leaf this row says were swept; they wait no longer."""
    gone = {place for first, last in proofs.swept_runs(log, seq, members) for place in waiting if first <= place <= last}
    waiting -= gone
    return len(gone)


def verify(given):
    log, head = given['log'], given['head']
    first, last = given.get('from_seq', 0), given.get('to_seq', float('inf'))
    name = LOG_NAME.fullmatch(log)
    stream = name[1] if name else None
    breaks = Breaks()
    link = 'genesis' if first == 0 else given.get('prev_hash')
    edge_known = link is not None
    others, was_broken, newest, beyond = [], False, first - 1, None
    head_hash, checked, bad, expired, waiting = None, 0, 0, 0, set()

    for row in given['rows']:
        seq, leaf, stored = row['monotonic_seq'], row['leaf'], row['hash']
        data = None if leaf is None else leaf.encode()
        computed = leaf_hash(data) if data and len(data) <= LEAF_BYTES_MAX else None
        if seq > last:
            # Behind the range only sweeps are asked, and count for nothing else.
            members = json.loads(leaf) if waiting and leaf is not None and stored == computed and is_canonical(leaf) else None
            if isinstance(members, dict) and (members.get('log'), members.get('monotonic_seq')) == (log, seq):
                expired += explained(waiting, log, seq, members)
            continue
        if seq < first:
            if first == 0:
                checked, bad = checked + 1, bad + 1
                breaks.add('place_mismatch', seq)
            elif seq == first - 1 and not edge_known:
                link = computed or stored
                edge_known = link is not None
            continue
        checked += 1
        if seq != int(seq):
            bad += 1
            breaks.add('place_mismatch', newest + 1)
            continue
        if head is not None and seq >= head['size']:
            bad += 1
            breaks.add('beyond_head', seq, 'beyond')
            beyond = stored
            continue
        if seq <= newest:
            bad += 1
            if breaks.fill(seq):
                breaks.add('place_mismatch', seq)
            else:
                breaks.add('duplicate_seq', seq)
                if seq == newest:
                    others += [computed, stored]
            continue
        if seq > newest + 1:
            breaks.gap(newest + 1, seq - 1)
            link, others = None, []

        newest, head_hash, broken, bad_before, members = seq, stored, True, bad, None
        if leaf is None and proofs.is_hash(stored):
            broken = False
            waiting.add(seq)
        elif computed is None:
            breaks.add('leaf_unreadable', seq, 'missing')
        elif not stored:
            breaks.add('hash_missing', seq, 'missing')
        elif stored != computed:
            breaks.add('hash_mismatch', seq)
        elif not (leaf.startswith('{') and is_canonical(leaf)):
            breaks.add('leaf_unreadable', seq)
        else:
            members = json.loads(leaf)
            form = members.get('canonical_form_id')
            if form != '3':
                breaks.add('form_unknown', seq, json.dumps(form))
            elif stream is None or (members.get('log'), members.get('stream'), members.get('monotonic_seq')) != (log, stream, seq):
                found = members.get('monotonic_seq')
                distance = found - seq if isinstance(found, (int, float)) else 'none'
                breaks.add('place_mismatch', seq, '%s %s' % (members.get('log'), distance))
            else:
                broken = False
                prev = members.get('prev_hash')
                link_broken = not was_broken and link is not None and prev != link and prev not in others
                if link_broken:
                    breaks.add('link_mismatch', seq)
                projected = COLUMNS[stream].split() if given['columns'] else []
                stored_columns = row.get('columns', {})
                differing = [c for c in projected if not same(stored_columns.get(c, MISSING), column(members.get(c)))]
                if differing:
                    breaks.add('column_mismatch', seq, ' '.join(differing))
                bad += bool(link_broken or differing)
        bad += broken
        if members is not None and bad == bad_before:
            expired += explained(waiting, log, seq, members)
        was_broken = broken
        link = computed or stored
        others = [] if stored is None or stored == link else [stored]

    size = head['size'] if head is not None else newest + 1
    end = max(first, min(size, last + 1))
    if newest + 1 < end:
        breaks.gap(newest + 1, end - 1)
    elif head is not None and end == head['size'] and end > first:
        if head['head_hash'] not in [link, *others] and not was_broken and beyond != head['head_hash']:
            bad += 1
            breaks.add('head_mismatch', end - 1)
    for seq in sorted(waiting):
        bad += 1
        breaks.add('leaf_unreadable', seq, 'missing')
    found = breaks.listed()
    checked -= expired
    complete = head is not None and end > first and checked > 0 and edge_known
    return {
        'verdict': 'FAIL' if found else 'PASS' if complete else 'INCOMPLETE',
        'log': log,
        'from_index': first,
        'to_index': end,
        'rows_expected': end - first,
        'rows_checked': checked,
        'rows_expired': expired,
        'rows_erased': 0,
        'rows_missing': sum(b - a + 1 for a, b in breaks.gaps),
        'rows_bad': bad,
        'breaks': found[:BREAKS_LISTED_MAX],
        'breaks_total': len(found),
        'head_hash': head_hash,
        'anchored_to': None,
        'unanchored_rows': checked,
    }


# --- forms 1 and 2: what CPython prints is what was hashed ---------------------------------------------------------

LEGACY = (
    'actor actor_kind action canonical_form_id category code detail domain id method monotonic_seq origin_id prev_hash request_id'
    ' service_id severity shipped_at source_node_id target tenant_id timestamp wire_version'
).split()


class Token(int):
    """An integer or float that prints as it was written."""

    def __new__(cls, text):
        self = super().__new__(cls, 0)
        self.text = text
        return self

    def __repr__(self):
        return self.text


def legacy_loads(text):
    return json.loads(text, parse_int=Token, parse_float=Token)


def legacy_text(value):
    # The pure-Python encoder prints subclasses of int by their repr only through this detour.
    marks = {}

    def marked(item):
        if isinstance(item, Token):
            marks[len(marks)] = item.text
            return '\0%d\0' % (len(marks) - 1)
        if isinstance(item, dict):
            return {name: marked(member) for name, member in item.items()}
        return [marked(member) for member in item] if isinstance(item, list) else item

    text = json.dumps(marked(value), sort_keys=True, separators=(',', ':'))
    text = re.sub(r'"\\u0000(\d+)\\u0000"', lambda m: marks[int(m[1])], text)
    return text.replace('\x7f', '\\u007f')


def isoformat(time):
    from datetime import datetime, timezone

    moment = datetime.fromisoformat(time.replace('Z', '+00:00'))
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).astimezone(timezone.utc).isoformat()


def legacy(given):
    if 'rows' in given:
        return {'unsupported': True}
    if 'salt' in given:
        text = legacy_text(legacy_loads(given['detail']))
        return {'text': text, 'commitment': sha256((given['salt'] + text).encode())}
    row, variant = legacy_loads(given['row']), given['variant']
    members = {name: row.get(name) for name in LEGACY}
    members['canonical_form_id'] = row.get('canonical_form_id') or '1'
    members['shipped_at'] = None
    if variant == 'form_2':
        del members['detail']
        members['detail_commitment'] = row.get('detail_commitment')
    if variant == 'before_forms':
        del members['canonical_form_id']
    if variant in ('form_1', 'before_forms'):
        members['timestamp'] = isoformat(row['timestamp'])
    text = legacy_text(members)
    return {'text': text, 'hash': sha256(text.encode())}


# --- spec/proofs.md, on top of ../verify.py -------------------------------------------------------------------------

PKCS8 = bytes.fromhex('302e020100300506032b657004220420')


def refusable(answer):
    def answered(given):
        try:
            return answer(given)
        except proofs.Refused as refused:
            return {'refused': refused.args[0]}

    return answered


def openssl(command, key, message=b''):
    with tempfile.TemporaryDirectory() as folder:
        for name, data in (('key', key), ('message', message)):
            with open(os.path.join(folder, name), 'wb') as file:
                file.write(data)
        return subprocess.run(['openssl', *command.split()], cwd=folder, capture_output=True, check=True).stdout


def signer(seed):
    """The public key and a signing function of 32 times one byte."""
    private = PKCS8 + bytes([seed]) * 32
    public = openssl('pkey -inform DER -in key -pubout -outform DER', private)[-32:]
    return public, lambda text: openssl('pkeyutl -sign -keyform DER -inkey key -rawin -in message', private, text.encode())


def line(vkey, data):
    name, identity = vkey.split('+')[:2]
    return '\u2014 %s %s\n' % (name, base64.b64encode(bytes.fromhex(identity) + data).decode())


def cosign(public, sign, name, text, time):
    return line(proofs.key_text(name, 4, public), time.to_bytes(8, 'big') + sign(proofs.cosigned_message(text, time)))


def told(signers):
    return [{'key': key.name + '+' + key.id, **({} if time is None else {'time': time})} for key, time in signers.items()]


def answer_note(given):
    if 'vkey' in given:
        key = proofs.Key(given['vkey'])
        return {'name': key.name, 'id': key.id, 'kind': {1: 'ed25519', 4: 'cosignature/v1'}[key.kind]}
    if 'seed' in given:
        public, sign = signer(given['seed'])
        vkey = proofs.key_text(given['name'], 1, public)
        return {'note': given['text'] + '\n' + line(vkey, sign(given['text'])), 'vkey': vkey}
    text, signers = proofs.open_note(given['note'], keys(given['keys']))
    return {'text': text, 'signed_by': told(signers)}


def keys(texts):
    return [proofs.Key(text) for text in texts]


def answer_checkpoint(given):
    if 'time' in given:
        public, sign = signer(given['seed'])
        vkey = proofs.key_text(given['name'], 4, public)
        return {'line': cosign(public, sign, given['name'], given['text'], given['time']), 'vkey': vkey}
    opened = proofs.Checkpoint(given['note'], keys(given['logs']), keys(given.get('witnesses', [])))
    return {
        'origin': opened.origin,
        'size': opened.size,
        'root': opened.root,
        'extensions': opened.extensions,
        'cosigned_by': told(opened.cosigned_by),
    }


def answer_tree(given):
    if 'hashes' in given:
        if 'index' in given:
            return {'path': proofs.inclusion_path(given['hashes'], given['index'])}
        if isinstance(given.get('older'), int):
            return {'path': proofs.consistency_path(given['hashes'], given['older'])}
        return {'root': proofs.root_of(given['hashes']), 'frontier': proofs.frontier_of(given['hashes'])}
    if 'hash' in given:
        return {'included': proofs.is_included(given['hash'], given['index'], given['path'], given['size'], given['root'])}
    older, newer = given['older'], given['newer']
    return {'consistent': proofs.is_consistent(given['path'], older['size'], older['root'], newer['size'], newer['root'])}


def answer_tlog_proof(given):
    index, path, note, extra = proofs.parse_tlog_proof(given['file'])
    opened = proofs.Checkpoint(note, keys(given['logs']))
    if not proofs.is_included(given['hash'], index, path, opened.size, opened.root):
        raise proofs.Refused('PROOF_WRONG')
    answer = {'index': index, 'path': path, 'origin': opened.origin, 'size': opened.size, 'root': opened.root}
    return answer if extra is None else {**answer, 'extra': extra.decode()}


def answer_policy(given):
    policy = proofs.Policy(given['policy'])
    if 'note' in given:
        return {'quorum': policy.has_quorum(proofs.Checkpoint(given['note'], policy.logs, policy.witnesses.values()))}
    return {
        'logs': [key.name for key in policy.logs],
        'witnesses': list(policy.witnesses),
        'groups': [{'name': name, 'threshold': k, 'members': members} for name, (k, members) in policy.groups.items()],
        'quorum': None if policy.quorum == 'none' else policy.quorum,
    }


def tile_path(level, index, width):
    digits = str(index)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    parts = ['x' + group for group in groups[:-1]] + groups[-1:]
    return 'tile/%s/%s%s' % (level, '/'.join(parts), '' if width == 256 else '.p/%d' % width)


def answer_tiles(given):
    if 'tile' in given:
        return {'path': tile_path(**given['tile'])}
    if 'path' in given:
        found = re.fullmatch(r'tile/(entries|\d+)/((?:x\d{3}/)*\d{3})(?:\.p/(\d+))?', given['path'], re.ASCII)
        if found is None:
            return {'tile': None}
        level = found[1] if found[1] == 'entries' else int(found[1])
        tile = {'level': level, 'index': int(re.sub('[x/]', '', found[2])), 'width': int(found[3] or 256)}
        sound = tile_path(**tile) == given['path'] and 1 <= tile['width'] <= 256 and (level == 'entries' or level < 64)
        return {'tile': tile if sound else None}
    if 'known' in given:
        paths, level, before, now = [], 0, given['known'], given['size']
        while now:
            for index in range(before // 256, -(-now // 256)):
                width = min(256, now - index * 256)
                if index * 256 + width > before:
                    paths.append(tile_path(level, index, width))
            level, before, now = level + 1, before // 256, now // 256
        return {'paths': paths}
    leaves = [leaf.encode() for leaf in given['leaves']]
    return {'bundle': base64.b64encode(b''.join(len(leaf).to_bytes(2, 'big') + leaf for leaf in leaves)).decode()}


def answer_witness(given):
    public, sign = signer(given['seed'])
    logs, known, answers = keys(given['logs']), {}, []
    for request in given['requests']:
        try:
            answers.append(add_checkpoint(request, logs, known))
        except proofs.Refused as refused:
            answers.append({'status': 403 if refused.args[0] in ('NOTE_FORGED', 'NOTE_UNTRUSTED') else 400})
        if answers[-1] is None:
            text = proofs.parse_note(request.partition('\n\n')[2])[0]
            answers[-1] = {'status': 200, 'body': cosign(public, sign, given['name'], text, given['now'])}
    return {'answers': answers}


def answer_pack(given):
    with tempfile.TemporaryDirectory() as folder:
        for path, content in given['files'].items():
            data = content.encode() if isinstance(content, str) else base64.b64decode(content['base64'])
            path = os.path.join(folder, path)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, 'wb') as file:
                file.write(data)
        return proofs.verify_pack(folder, given['keys'], given.get('policy'), given.get('remembered', []))


def add_checkpoint(request, logs, known):
    """The refusal of one request, or None when it is to be cosigned; `known` is then moved on."""
    head, blank, note = request.partition('\n\n')
    lines = head.split('\n')
    old = proofs.count_of(lines[0][4:]) if blank and lines[0].startswith('old ') else None
    path = proofs.parse_path(lines[1:])
    origin = proofs.parse_checkpoint(proofs.parse_note(note)[0])[0]
    if old is None:
        return {'status': 400}
    own = [key for key in logs if key.name == origin]
    if not own:
        return {'status': 404}
    opened = proofs.Checkpoint(note, own)
    size, tree_root = known.get(origin, (0, proofs.sha256(b'')))
    if old > opened.size:
        return {'status': 400}
    if old != size:
        return {'status': 409, 'body': '%d\n' % size}
    if not proofs.is_consistent(path, size, tree_root, opened.size, opened.root):
        return {'status': 422}
    known[origin] = (opened.size, opened.root)
    return None


# --- spec/conform.md -----------------------------------------------------------------------------------------------


def text_of(text):
    if isinstance(text, str):
        return text
    return ''.join(part if isinstance(part, str) else part['repeat'] * part['times'] for part in text['$join'])


def answer_canonical(given):
    if 'text' in given:
        return {'canonical': is_canonical(text_of(given['text']))}
    value = struct.unpack('>d', bytes.fromhex(given['ieee754']))[0] if 'ieee754' in given else given['value']
    try:
        return {'text': canonical(value)}
    except Refused:
        return {'refused': True}


def answer_chain(given):
    if 'leaves' in given:
        hashes = [leaf_hash(leaf.encode()) for leaf in given['leaves']]
        return {'hashes': hashes, 'root': root(hashes)}
    head, leaves, hashes = given['head'], [], []
    try:
        for draft in given['drafts']:
            leaf = place(text_of(draft).encode(), head)
            hashes.append(leaf_hash(leaf))
            head = {'log': head['log'], 'size': head['size'] + 1, 'head_hash': hashes[-1]}
            leaves.append(leaf.decode())
    except Refused as refused:
        return {'refused': str(refused)}
    return {'leaves': [leaf for leaf in leaves if len(leaf) < 10000], 'hashes': hashes, 'head': head}


def pointer_of(path):
    return ''.join('/' + str(part).replace('~', '~0').replace('/', '~1') for part in path)


def named_by(row, name, path):
    """The member that names whom a value is about; through lists it goes the way of the value."""
    here, at = row, 0
    for part in name.split('.'):
        while isinstance(here, list):
            here, at = here[path[at] if at < len(path) and isinstance(path[at], int) else 0], at + 1
        if not isinstance(here, dict) or part not in here:
            return None
        here, at = here[part], at + 1
    return str(here) if isinstance(here, (str, int)) and here != '' else None


def declared_in(value, names, path):
    """Paths to what is declared, each with whether it has the declared shape."""
    if isinstance(value, list):
        if any(item is not None and not isinstance(item, (dict, list)) for item in value):
            yield path, False
        else:
            for index, item in enumerate(value):
                yield from declared_in(item, names, path + [index])
    elif isinstance(value, dict):
        for count in range(1, len(names) + 1):
            name = '.'.join(names[:count])
            if name in value:
                if count == len(names):
                    yield path + [name], True
                else:
                    yield from declared_in(value[name], names[count:], path + [name])
    elif value is not None:
        yield path, False


def at_path(row, path):
    for part in path:
        row = row[part]
    return row


def answer_disclosure(given):
    if 'text' in given:
        commitment = base64.urlsafe_b64encode(hashlib.sha256(given['text'].encode()).digest()).rstrip(b'=').decode()
        try:
            parts = json.loads(base64.urlsafe_b64decode(given['text'] + '=' * (-len(given['text']) % 4)))
        except ValueError:
            parts = None
        if not isinstance(parts, list) or len(parts) != 3:
            return {'refused': True, 'commitment': commitment}
        return {'salt': parts[0], 'name': parts[1], 'value': parts[2], 'commitment': commitment}
    row, members = given['row'], given['members']
    if given.get('many'):
        row['detail']['many'] = [{'email': 'e%d' % index} for index in range(given['many'])]
    pii, subjects = members.get('pii', []), members.get('pii_subjects', {})
    fallback = named_by(row, members.get('pii_subject', 'target'), []) or named_by(row, 'target', []) or row['id']
    found = {}
    if members.get('pii_in_detail'):
        for name in row['detail']:
            if name not in members.get('detail_passthrough_keys', []):
                found[pointer_of(['detail', name])] = (['detail', name], fallback)
    for declared in [] if members.get('pii_in_detail') else pii:
        names = declared.split('.')
        if names[0] == 'detail':
            for path, is_fit in declared_in(row['detail'], names[1:], ['detail']):
                while isinstance(path[-1], int):
                    path = path[:-1]
                about = named_by(row, subjects[declared], path) if is_fit and declared in subjects else None
                found[pointer_of(path)] = (path, about or fallback)
    if len(found) > 128:
        found = {'/detail': (['detail'], fallback)}
    for declared in pii:
        path = declared.split('.')
        if path[0] != 'detail' and named_by(row, declared, []) is not None:
            about = named_by(row, subjects[declared], []) if declared in subjects else None
            own = named_by(row, declared if len(path) == 1 else 'actor', [])
            found[pointer_of(path)] = (path, about or own or fallback)
    if given.get('many'):
        return {'pointers': len(found), 'first': min(found), 'pointers_max': 128}
    taken = [{'pointer': pointer, 'name': found[pointer][0][-1], 'value': at_path(row, found[pointer][0]), 'subject': found[pointer][1]} for pointer in sorted(found)]
    for path, _ in found.values():
        del at_path(row, path[:-1])[path[-1]]
    return {'taken': taken, 'row': row}


AREAS = {
    'canonical': answer_canonical,
    'chain': answer_chain,
    'verify': verify,
    'legacy': legacy,
    'note': refusable(answer_note),
    'checkpoint': refusable(answer_checkpoint),
    'tree': answer_tree,
    'tlog-proof': refusable(answer_tlog_proof),
    'policy': refusable(answer_policy),
    'tiles': answer_tiles,
    'witness': answer_witness,
    'pack': answer_pack,
    'disclosure': answer_disclosure,
}


def main():
    if len(sys.argv) != 2 or sys.argv[1] not in AREAS:
        sys.exit('usage: conform.py %s < case.json' % '|'.join(AREAS))
    sys.setrecursionlimit(10000)
    given = json.loads(sys.stdin.buffer.read())
    answers = [{'answers': [AREAS[sys.argv[1]](check['input']) for check in case['checks']]} for case in (given if isinstance(given, list) else [given])]
    sys.stdout.write(json.dumps(answers if isinstance(given, list) else answers[0]) + '\n')


if __name__ == '__main__':
    main()
