// A client for Secure Lock Server: pinned TLS, login and refresh, a queue of
// unlocks that survives being offline, and verification of receipts.
//
// Take the file as it is. It needs the packages crypto, cryptography, http and
// uuid. The manual page "Phone app" explains each part.

import 'dart:convert';
import 'dart:io';

import 'package:crypto/crypto.dart' show sha256;
import 'package:cryptography/cryptography.dart'
    show Ed25519, KeyPairType, Signature, SimplePublicKey;
import 'package:http/http.dart' as http;
import 'package:http/io_client.dart' show IOClient;
import 'package:uuid/uuid.dart' show Uuid;

/// Returns the CA of the gateway, if it matches the fingerprint that `tls init`
/// printed (64 hexadecimal digits). Store it; it is not secret.
Future<String> fetchAuthority(Uri base, String caSha256) async {
  // The answer to this one request is not trusted, only hashed.
  final blind = HttpClient()
    ..badCertificateCallback = (certificate, host, port) => true;
  try {
    final request = await blind.getUrl(base.resolve('/ca.pem'));
    final answer = await request.close();
    final pem = await utf8.decodeStream(answer);
    final lines = pem.split('\n').where((line) => !line.startsWith('-----'));
    final der = base64.decode(lines.map((line) => line.trim()).join());
    if (sha256.convert(der).toString() != caSha256) {
      throw const HandshakeException('This is not the gateway of the QR code');
    }
    return pem;
  } finally {
    blind.close(force: true);
  }
}

/// A client that trusts this CA and no other.
http.Client pinnedClient(String caPem) {
  final trust = SecurityContext(withTrustedRoots: false)
    ..setTrustedCertificatesBytes(utf8.encode(caPem));
  return IOClient(HttpClient(context: trust));
}

/// Any answer other than 200.
class LockServerException implements Exception {
  LockServerException(this.status, this.code, this.message, this.retryAfter);

  final int status;

  /// Stable, for programs. Not every answer has one.
  final String? code;
  final String message;

  /// How long to wait before trying again, if waiting helps.
  final Duration? retryAfter;

  @override
  String toString() => '$status $message';
}

/// The session has ended: ask the person to log in again.
class LoggedOutException implements Exception {}

/// The secret store of the platform, such as flutter_secure_storage.
abstract interface class SecretStore {
  Future<String?> read(String name);
  Future<void> write(String name, String? value);
}

class LockClient {
  LockClient(this.base, this.client, this.secrets);

  final Uri base; // Uri.parse('https://192.168.1.20:8080')
  final http.Client client;
  final SecretStore secrets;
  Future<void>? _refreshing;

  Future<void> register({
    required String username,
    required String password,
    required String phone,
    required String address,
    String? invitation,
  }) => _send('POST', '/register', {
    'username': username,
    'password': password,
    'phone': phone,
    'address': address,
    if (invitation != null) 'invitation': invitation,
  });

  Future<void> login(String username, String password, {String? otp}) async {
    final deviceCookie = await secrets.read('device_token');
    final answer = await _send('POST', '/login', {
      'username': username,
      'password': password,
      if (otp != null) 'otp': otp,
      if (deviceCookie != null) 'device_token': deviceCookie,
    });
    await secrets.write('device_token', answer['device_token'] as String);
    await _store(answer);
  }

  /// Sends a request with the access token. On 401, refreshes and tries once more.
  Future<dynamic> call(String method, String path, [Object? body]) async {
    final token = await secrets.read('access_token');
    if (token != null) {
      try {
        return await _send(method, path, body, token);
      } on LockServerException catch (error) {
        if (error.status != 401) rethrow;
      }
    }
    // Another request may have refreshed meanwhile.
    if (await secrets.read('access_token') == token) await refresh();
    return _send(method, path, body, await secrets.read('access_token'));
  }

  /// Fetches the next pair of tokens. Concurrent calls share one request.
  Future<void> refresh() =>
      _refreshing ??= _refresh().whenComplete(() => _refreshing = null);

  Future<void> _refresh() async {
    final token = await secrets.read('refresh_token');
    if (token == null) throw LoggedOutException();
    try {
      await _store(
        await _send('POST', '/v1/session/refresh', {'refresh_token': token}),
      );
    } on LockServerException catch (error) {
      if (error.status != 401) rethrow;
      await secrets.write('access_token', null);
      await secrets.write('refresh_token', null);
      throw LoggedOutException();
    }
  }

  Future<void> logout() async {
    await call('POST', '/v1/session/logout');
    await secrets.write('access_token', null);
    await secrets.write('refresh_token', null);
  }

  /// Stores the refresh token first: without it the session would be lost.
  Future<void> _store(dynamic answer) async {
    await secrets.write('refresh_token', answer['refresh_token'] as String);
    await secrets.write('access_token', answer['access_token'] as String);
  }

  Future<dynamic> _send(
    String method,
    String path, [
    Object? body,
    String? token,
  ]) async {
    final request = http.Request(method, base.resolve(path));
    if (token != null) request.headers['authorization'] = 'Bearer $token';
    if (body != null) {
      request.headers['content-type'] = 'application/json';
      request.bodyBytes = utf8.encode(jsonEncode(body));
    }
    final answer = await http.Response.fromStream(
      await client.send(request).timeout(const Duration(seconds: 15)),
    );
    final text = utf8.decode(answer.bodyBytes, allowMalformed: true);
    final isJson = answer.headers['content-type']?.contains('json') ?? false;
    final dynamic content = isJson ? jsonDecode(text) : text;
    if (answer.statusCode == 200) return content;
    final problem = content is Map ? content : const <String, dynamic>{};
    final seconds = int.tryParse(answer.headers['retry-after'] ?? '');
    throw LockServerException(
      answer.statusCode,
      problem['code'] as String?,
      '${problem['msg'] ?? problem['detail'] ?? problem['error'] ?? text}',
      seconds == null ? null : Duration(seconds: seconds),
    );
  }
}

/// An unlock as the phone saw it. Its id makes it safe to send twice.
class Unlock {
  Unlock(this.method, {this.lock = 'front-door'})
    : id = const Uuid().v4(),
      occurredAt = DateTime.now().toUtc();

  final String id;
  final String method;
  final String lock;
  final DateTime occurredAt;

  Map<String, String> toJson() => {
    'id': id,
    'method': method,
    'lock': lock,
    'occurred_at': occurredAt.toIso8601String(),
  };
}

/// The queue on the phone's disk, one for each account: an unlock is recorded
/// for the account whose token it is sent with.
abstract interface class UnlockStore {
  Future<void> add(Unlock unlock);
  Future<List<Unlock>> oldest(int count);

  /// The server has it: stores the receipt and removes the unlock, in one step.
  Future<void> settle(Unlock unlock, String receipt);

  /// The server will never accept it: keeps it so that a person can see why.
  Future<void> reject(Unlock unlock, String reason);
}

const batchMax = 500;

/// Sends the queue, oldest first. Throws if the rest has to wait.
Future<void> flush(LockClient client, UnlockStore store) async {
  for (;;) {
    final batch = await store.oldest(batchMax);
    if (batch.isEmpty) return;
    final dynamic answer = await patiently(
      () => client.call('POST', '/v1/unlocks', batch),
    );
    final outcomes = answer['outcomes'] as List<dynamic>;
    for (final (index, unlock) in batch.indexed) {
      final dynamic outcome = outcomes[index];
      switch (outcome['status'] as String) {
        case 'stored' || 'duplicate':
          await store.settle(unlock, outcome['receipt'] as String);
        case 'invalid' || 'conflict':
          await store.reject(unlock, outcome['detail'] as String);
        case final other:
          throw FormatException('Unknown outcome $other');
      }
    }
  }
}

/// Tries up to three times, waiting as long as Retry-After says, up to a minute.
Future<T> patiently<T>(Future<T> Function() work) async {
  for (var attempt = 1; ; attempt++) {
    try {
      return await work();
    } on LockServerException catch (error) {
      final wait = error.retryAfter;
      if (wait == null || wait.inSeconds > 60 || attempt == 3) rethrow;
      await Future<void>.delayed(wait);
    }
  }
}

/// Returns the unlock, or the decision, that a receipt proves: `id`, `method`,
/// `account`, `seq` and more. Throws FormatException if it proves nothing. `verifierKey` is the one
/// stored at the first login, never one that came with the receipt.
Future<Map<String, dynamic>> provenUnlock(
  String receipt,
  String verifierKey,
) async {
  final end = receipt.indexOf('\n\n');
  if (end < 0) throw const FormatException('The receipt is cut short');
  final lines = receipt.substring(0, end).split('\n');
  if (lines.length < 3 ||
      lines[0] != 'c2sp.org/tlog-proof@v1' ||
      !lines[1].startsWith('extra ') ||
      !lines[2].startsWith('index ')) {
    throw const FormatException('This is not the receipt of an unlock');
  }
  final extra = jsonDecode(utf8.decode(base64.decode(lines[1].substring(6))));
  final entry = extra['entry'] as String;
  final index = int.parse(lines[2].substring(6));
  final path = lines.skip(3).map(base64.decode).toList();

  final text = await openNote(receipt.substring(end + 2), verifierKey);
  final checkpoint = text.split('\n'); // origin, size, root
  final size = int.parse(checkpoint[1]);
  final root = base64.decode(checkpoint[2]);
  if (!isIncluded(utf8.encode(entry), index, size, path, root)) {
    throw const FormatException('The log does not contain this unlock');
  }

  final event = jsonDecode(entry) as Map<String, dynamic>;
  final person = extra['person'] as Map<String, dynamic>?;
  if (event['seq'] != index)
    throw const FormatException('The position differs');
  if (person == null) return event; // erased: the text is gone
  // Version 2: the gateway itself decided, or a lock reported.
  final isDecision = event['v'] == 2;
  final committed = {
    'account': person['account'],
    if (isDecision) 'counter': person['counter'],
    if (isDecision) 'device': person['device'],
    if (isDecision) 'grant': person['grant'],
    'method': person['method'],
    if (isDecision) 'pass': person['pass'],
    'username': person['username'],
  };
  final commitment = sha256.convert([
    ...base64.decode(person['salt'] as String),
    ...utf8.encode(jsonEncode(committed)),
  ]);
  if (base64.encode(commitment.bytes) != event['person']) {
    throw const FormatException('Name or method is not what was recorded');
  }
  return {...event, ...committed};
}

/// Returns the text of a note signed by the key (C2SP signed-note).
Future<String> openNote(String note, String verifierKey) async {
  final [name, id, ...rest] = verifierKey.split('+');
  final key = base64.decode(rest.join('+')); // 0x01, and the Ed25519 key
  final keyId = sha256.convert([...utf8.encode('$name\n'), ...key]).bytes;
  if (key[0] != 1 || hex(keyId.take(4)) != id) {
    throw const FormatException('The key does not match its own id');
  }
  final end = note.lastIndexOf('\n\n');
  if (end < 0) throw const FormatException('The checkpoint is not signed');
  final text = note.substring(0, end + 1);
  for (final line in note.substring(end + 2).split('\n')) {
    if (!line.startsWith('\u2014 $name ')) continue;
    final signature = base64.decode(line.split(' ').last);
    if (hex(signature.take(4)) != id) continue;
    final isGood = await Ed25519().verify(
      utf8.encode(text),
      signature: Signature(
        signature.sublist(4),
        publicKey: SimplePublicKey(key.sublist(1), type: KeyPairType.ed25519),
      ),
    );
    if (isGood && text.startsWith('$name\n')) return text;
  }
  throw const FormatException('The checkpoint is not signed by this key');
}

/// Whether the tree has the entry at that index (RFC 9162, 2.1.3.2).
bool isIncluded(
  List<int> entry,
  int index,
  int size,
  List<List<int>> path,
  List<int> root,
) {
  if (index < 0 || index >= size) return false;
  var (at, last) = (index, size - 1);
  var hash = sha256.convert([0, ...entry]).bytes;
  for (final sibling in path) {
    if (last == 0) return false;
    if (at.isOdd || at == last) {
      hash = sha256.convert([1, ...sibling, ...hash]).bytes;
      while (at.isEven && at != 0) {
        (at, last) = (at >> 1, last >> 1);
      }
    } else {
      hash = sha256.convert([1, ...hash, ...sibling]).bytes;
    }
    (at, last) = (at >> 1, last >> 1);
  }
  return last == 0 && hex(hash) == hex(root);
}

String hex(Iterable<int> bytes) =>
    bytes.map((byte) => byte.toRadixString(16).padLeft(2, '0')).join();

/// Logs in, asking for a one-time code as often as the server requires one.
Future<void> loginWithCode(
  LockClient client,
  String username,
  String password,
  Future<String> Function(bool isRetry) askCode,
) async {
  String? otp;
  for (;;) {
    try {
      return await client.login(username, password, otp: otp);
    } on LockServerException catch (error) {
      if (error.code != 'otp_required' && error.code != 'otp_invalid') rethrow;
      otp = await askCode(error.code == 'otp_invalid');
    }
  }
}
