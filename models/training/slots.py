"""What fills the slots of a family. The pools are the same for every type, so that no name gives a type away."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

_SLOT: Final = re.compile(r"\{([a-z]+)\}")
_CHOICE: Final = re.compile(r"\{([^{}\"\n|]+(?:\|[^{}\"\n|]+)+)\}")

_NOUNS = """order cart invoice billing catalog search profile session ledger stock shipping ticket report media gateway
notify audit quote pricing review feed chat token-store mail import export sync index crawler router planner worker
scheduler ingest metrics console portal frontend backend""".split()
_TAILS = ["", "-api", "-service", "-worker", "-web", "-svc", "-job", "-server", "", ""]
_PROCESSES = "java python3 node ruby php-fpm nginx postgres mysqld redis-server app server worker gunicorn dotnet".split()
_PACKAGES = """requests numpy pandas flask lodash axios react express moment jackson guava spring-core netty serde
tokio rails nokogiri rack newtonsoft protobuf grpcio urllib3 werkzeug markupsafe typescript webpack babel log4j
commons-lang okhttp openssl-sys libfoo symfony monolog chalk minimist pyyaml scipy attrs rxjs vue""".split()
_CLASSES = """OrderService CartController InvoiceRepository SearchIndex ProfileView SessionManager PriceEngine
FeedReader MailSender StockUpdater UserDao TicketHandler ReportBuilder MediaStore RouteTable JobQueue""".split()
_FUNCTIONS = """process total handle parse build update fetch render submit find_all run load items name status price
user address quantity value email payload result save lookup compute publish""".split()
_TESTS = """test_creates_order test_total_is_sum shouldReturnAllItems test_update_profile rendersList handlesEmptyInput
testFindByName test_publish_event updatesTheCart test_search_ranking savesDraft TestQueueDrain shouldSendMail
test_export_rows""".split()
_DIRECTORIES = ["/srv/app", "/app", "/opt/app", "/usr/src/app", "src", "/home/runner/work/app", "/builds/team/app",
                "/var/lib/app", "lib", "/workspace", "internal", "pkg", "/data", "/mnt/data", "/var/log/app"]  # fmt: skip
_FILES = "main handler views models client service utils parser cart orders index worker store report".split()
_HOSTS = ["shop.example.com", "db-1.internal", "api.acme.io", "node-3", "ip-10-0-3-17", "repo.example.org",
          "build-07", "cache.prod.local", "git.example.net", "worker-2.cluster", "registry.example.com"]  # fmt: skip
_USERS = "deploy app ci-bot alice jenkins svc-build root appuser".split()
_KEYS = "DATABASE_URL API_BASE SMTP_HOST CACHE_TTL REGION QUEUE_NAME LOG_LEVEL FEATURE_X APP_PORT SENTRY_DSN".split()
_DATABASES = "orders users shop app inventory events customers".split()
_IMAGES = ["shop/api:1.4.2", "team/worker:latest", "acme/web:v3", "library/nginx:1.25", "app:2023.11"]
_REPOS = ["acme/shop", "github.com/acme/lib", "team/platform", "example/app", "github.com/pkg/util"]
_FORMATS = ["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S", "%b %d %H:%M:%S %Y", "%a %b %d %H:%M:%S UTC %Y",
            "%d/%b/%Y:%H:%M:%S +0000", "%Y/%m/%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S.123Z"]  # fmt: skip


def moment(draw: random.Random) -> datetime:
    """A moment of the last years."""
    return datetime(2021, 1, 1, tzinfo=UTC) + timedelta(seconds=draw.randrange(150_000_000))


def _date(draw: random.Random) -> str:
    return moment(draw).strftime(draw.choice(_FORMATS))


def _hex(draw: random.Random, size: int) -> str:
    return f"{draw.getrandbits(4 * size):0{size}x}"


def _uuid(draw: random.Random) -> str:
    h = _hex(draw, 32)
    return f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"


def _service(draw: random.Random) -> str:
    return draw.choice(_NOUNS) + draw.choice(_TAILS)


_FILL: Final[dict[str, Callable[[random.Random], str]]] = {
    "n": lambda r: str(r.choice([r.randrange(10), r.randrange(100), r.randrange(100_000)])),
    "big": lambda r: str(r.randrange(1_000_000, 9_000_000_000)),
    "mi": lambda r: str(r.choice([64, 128, 256, 512, 1024])),
    "pct": lambda r: str(r.randrange(60, 100)),
    "hex": lambda r: _hex(r, r.choice([8, 12, 16])),
    "sha": lambda r: _hex(r, 40),
    "uuid": _uuid,
    "date": _date,
    "ip": lambda r: ".".join(str(r.randrange(1, 255)) for _ in range(4)),
    "port": lambda r: str(r.choice([80, 443, 3000, 5000, 5432, 6379, 8080, 8443, 9090, 9200, 27017])),
    "ver": lambda r: f"{r.randrange(12)}.{r.randrange(30)}.{r.randrange(20)}",
    "host": lambda r: r.choice(_HOSTS),
    "svc": _service,
    "proc": lambda r: r.choice(_PROCESSES),
    "pkg": lambda r: r.choice(_PACKAGES),
    "cls": lambda r: r.choice(_CLASSES),
    "fn": lambda r: r.choice(_FUNCTIONS),
    "test": lambda r: r.choice(_TESTS),
    "path": lambda r: f"{r.choice(_DIRECTORIES)}/{r.choice(_FILES)}",
    "pod": lambda r: f"{_service(r)}-{_hex(r, 9)}-{_hex(r, 5)}",
    "ns": lambda r: r.choice(["default", "prod", "staging", "shop", "team-a", "kube-system", "monitoring"]),
    "img": lambda r: r.choice(_IMAGES),
    "repo": lambda r: r.choice(_REPOS),
    "user": lambda r: r.choice(_USERS),
    "key": lambda r: r.choice(_KEYS),
    "db": lambda r: r.choice(_DATABASES),
    "bucket": lambda r: f"{r.choice(_NOUNS)}-{r.choice(['assets', 'backup', 'logs', 'data'])}",
    "disk": lambda r: r.choice(["sda1", "nvme0n1p1", "xvdf", "vdb", "dm-0", "sdb", "mapper/vg0-data"]),
    "nic": lambda r: r.choice(["eth0", "ens5", "bond0", "eno1"]),
}


def fill(template: str, draw: random.Random) -> str:
    """The template with every slot filled and every choice made; unknown braces stay as they are.

    >>> fill("{low|low} on {db}", random.Random(1)).startswith("low on ")
    True
    """
    chosen = _CHOICE.sub(lambda m: draw.choice(m[1].split("|")), template)
    return _SLOT.sub(lambda m: _FILL[m[1]](draw) if m[1] in _FILL else m[0], chosen)
