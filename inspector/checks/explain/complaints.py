"""Whether a text of which no line is known complains of something, in English or in another language.

The words of other languages are those of libvirt's catalogs (po/ of 9.0) that stand in translations of its failures and
hardly in others. They are words and not letters: names, bullets and typographic quotes are in English texts too.
"""

from __future__ import annotations

import re

from inspector.checks.explain.text import Pasted

_ENGLISH = re.compile(
    r"\b(?:fail|error|cannot|could not|unable|invalid|not support|unsupported|panic|refus|reject|exceed|denied|mismatch"
    r"|missing|not found|not allowed|not available|no such|timed out|abort|corrupt|incompatible|unexpected|conflict)"
    r"|\b(?:does not|doesn't) match|\bcan't\b|\bcouldn't\b|\bbroken pipe|\breset by peer"
    r"|\b(?:hang|hung|freez|frozen|stuck|stall|crash|oops|illegal instruction|undefined instruction|segfault)"
    r"|\b(?:wo|did|does|is|was)n't\b|\b(?:did|does|will|was|were) (?:not|never)\b|\bno longer\b"
    r"|\bE(?:INVAL|NOENT|PERM|BUSY|NOEXEC|FAULT|IO|ACCES|NXIO|NODEV|OPNOTSUPP|NOSPC|2BIG)\b"
    r"|\b(?:return(?:ed|s)?|ret|rc|status|code|errno)\W{0,4}-[0-9]{1,3}\b|^\W{0,3}-[0-9]{1,3}\W{0,3}$",
    re.IGNORECASE,
)

_BEGINNINGS = (
    "fehler", "fehlgeschlagen", "fehlend", "fehlt", "unerwartet", "gescheitert", "scheitert",  # German
    "erreur", "manquant", "inattendu", "introuvable",  # French
    "fallid", "falta", "inesperad", "pogut",  # Spanish, Catalan
    "falh", "incapaz", "fallit", "mancant", "inatteso",  # Portuguese, Italian
    "mislukt", "ongeldig", "onverwacht", "ontbre",  # Dutch
    "misslyck", "ogiltig", "felaktig", "saknas", "mislyk", "ugyldig", "mangler", "fejl",  # Swedish, Danish, Norwegian
    "virhe", "puuttu", "odottam",  # Finnish
    "nepoda", "nelze", "neplatn", "chyb", "selhal", "zlyhal",  # Czech, Slovak
    "niepraw", "nieoczek", "niepowodz",  # Polish
    "sikertelen", "hiba", "eroare", "hata", "gagal", "kesalahan", "galat",  # Hungarian, Romanian, Turkish, Indonesian
    "neuspe", "neisprav",  # Serbian
)  # fmt: skip
"""What words begin with that have no letter outside ASCII there, and are none of English"""

_WORDS = frozenset(("erro", "errore", "errori", "fallo", "niet"))

_ANYWHERE = (
    "ungültig", "échou", "échec", "inválid", "invàlid", "não foi", "não é possível", "impossív", "falló",
    "epäonnistu", "löyd", "oväntad", "neoček", "nezdař", "nedař", "błąd", "błęd", "nieobsług", "hiányz",
    "érvényt", "eșuat", "başarısız", "geçersiz", "desteklenm", "lỗi", "thất bại", "không thể", "không hợp",
    "không hỗ", "greš", "nevaže",
    # Russian, Ukrainian, Bulgarian, Macedonian, Serbian, Greek, Georgian
    "ошибк", "удалось", "недопуст", "неверн", "невозмож", "отсутств", "непредвид", "неожидан", "неподдерж",
    "не поддерж", "сбой", "не найден", "не работа", "не запуска", "помилк", "вдалос", "некоректн", "непідтрим",
    "не підтрим", "неочік", "неможлив", "невдал", "збій", "не знайд", "не прац", "неуспе", "грешк", "липсва",
    "невалид", "недоста", "неисправ", "αδυν", "απρόσμε", "απροσδ", "απέτυχ", "αποτυχ", "σφάλμα", "λείπει",
    "შეცდომ",
    # Chinese, Japanese, Korean
    "无法", "無法", "失败", "失敗", "无效", "無效", "缺少", "不支持", "不支援", "错误", "錯誤", "出错", "报错",
    "報錯", "找不到", "未找到", "不能", "拒绝", "拒絕", "异常", "異常", "崩溃", "崩潰", "超时", "逾時", "卡住",
    "エラー", "きません", "できない", "無効", "拒否", "실패", "오류", "못했", "못합", "누락", "지원되지",
    "지원하지", "일치하지", "예기치", "잘못", "수 없",
    # Hindi, Marathi, Bengali, Assamese, Gujarati, Panjabi, Odia
    "विफल", "चूक", "असमर्थ", "अवैध", "त्रुटि", "त्रुटी", "असफल", "अमान्य", "अपयश", "अशक्य", "ভুল", "ব্যর্থ",
    "অবৈধ", "ত্রুটি", "ব্যৰ্থ", "অক্ষম", "ত্ৰুটি", "નિષ્ફળ", "અસમર્થ", "અયોગ્ય", "ભૂલ", "ਫੇਲ", "ਅਸਮਰ", "ਅਸਫਲ",
    "ਗਲਤੀ", "ବିଫଳ", "ଅସମର୍ଥ", "ଅବୈଧ", "ତୃଟି",
    # Kannada, Tamil, Telugu, Malayalam, Sinhala, Thai, Arabic, Persian, Hebrew
    "ವಿಫಲ", "ಸಾಧ್ಯವಾಗ", "ಅಮಾನ್ಯ", "ದೋಷ", "தோல்வி", "முடியவில்லை", "பிழை", "విఫల", "చెల్లని", "దోషం", "പരാജയ",
    "സാധ്യമല്ല", "പിശക", "දෝෂ", "ผิดพลาด", "ล้มเหลว", "ไม่สามารถ", "خطأ", "فشل", "تعذر", "خطا", "שגיאה", "נכשל",
)  # fmt: skip
"""Parts of words that only such a language has, as they have a letter outside ASCII"""

_PHRASES = re.compile(
    r"\b(?:(?:kann|konnte|wird|werden|startet|stimmt|läuft|funktioniert)\b.{0,60}?\bnicht\b"
    r"|nicht (?:gefunden|unterstützt|möglich|verfügbar|erlaubt|zulässig)|(?:fout|feil|fel) ?:"
    r"|impossible d|impossibil[ei]"
    r"|no se p[uo]|no es posible|no (?:puede|pudo|tiene|soport)|ne (?:peut|peuvent|prend|prennent)\b.{0,40}? pas\b"
    r"|non (?:valid|supportat|riusc|trovat)|(?:kunne|kan) ikke"
    r"|(?:kunde|kan|stöder)\b.{0,40}?\binte\b|ei (?:voi|tue|ole tuettu|onnistu)"
    r"|nie (?:powiod|można|udało)|nem (?:lehet|siker|támogat)|nu (?:se )?poate|tidak (?:dapat|bisa|didukung))",
)


def complains(pasted: Pasted) -> bool:
    """True where a line of the text says that something failed or is not as it should be."""
    return any(_ENGLISH.search(line) for line in pasted.lines) or is_translated(pasted)


def is_translated(pasted: Pasted) -> bool:
    """True where a line says so in another language than English."""
    text = "\n".join(map(_without_paths, pasted.lines)).lower()
    if any(word.startswith(_BEGINNINGS) or word in _WORDS for word in re.findall(r"[a-z]+", text)):
        return True
    if not text.isascii() and any(part in text for part in _ANYWHERE):
        return True
    return _PHRASES.search(text) is not None


def _without_paths(line: str) -> str:
    """A line without paths, which may have words of any language; a blank in one has a backslash before it."""
    if "/" not in line:
        return line
    kept, in_path, before = [], False, ""
    for word in line.split():
        in_path = "/" in word or (in_path and before.endswith("\\"))
        kept += [] if in_path else [word]
        before = word
    return " ".join(kept)
