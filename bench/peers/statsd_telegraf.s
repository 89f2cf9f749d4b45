// Here so that the functions of statsd_telegraf.go may have no body.
