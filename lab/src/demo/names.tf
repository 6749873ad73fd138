# The lab's hosted zone and its ACME server. With AWS and Let's Encrypt: the zone's id, and issuer = "letsencrypt".

variable "zone_id" {
  description = "Hosted zone in which the tenants' names are."
  type        = string
}

variable "domain" {
  description = "Domain in which every tenant has a name of its own."
  type        = string
}

variable "acme_directory" {
  description = "URL of the ACME server's directory."
  type        = string
}

variable "acme_ca_certificate" {
  description = "Certificate that the ACME server's own HTTPS is trusted by."
  type        = string
}
